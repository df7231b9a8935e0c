// Package chaos has no code but tests: sensor, Pub/Sub, Cloud Storage, Security Command Center, GKE and two processes of the
// functions, each killed at random while acts go on. At the end every alert that the sensor numbered is in exactly one
// finding's count or among the losses that it counted.
//
// The test takes half a minute; scripts/chaos has it take ten.
package chaos
