// Package report mails what a run of the checks came to: a score with its trend, deadlines, what changed since the last report,
// the worst findings with how to put them right, upgrades, rotations, sensors, alerts, exceptions, and what nobody could find out.
//
// [Collect] reads it all from the bucket into an [Input]; [Write] makes the mail of it, a pure function of the input and of who
// reads it ([Audience]); [Reporter] does both when a report is due and sends each once; [Watch] notices one that did not come.
package report
