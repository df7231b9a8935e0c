// Package dispatch begins runs. A [Dispatcher] is called by a schedule: it finds out which clusters there are, writes down what the
// run expects, and gives one job for each cluster and kind of work to the workers, by a topic. So no function looks at more than
// one cluster at a time, however many there are.
//
// A schedule may call twice for one time. The manifest is written once, by whichever call is first, and is what the others go by;
// jobs may be published twice, and workers know that.
package dispatch
