// Package schedule is what the scheduled functions share of a run: its name, which is the schedule's time, the manifest that
// says which clusters the run expects, and the job, the message by which a worker is given one of them. A run may begin twice and
// a job be delivered twice: both have the same names then.
package schedule
