package board

// inPart are the reasons of a sensor's drops by which nothing was lost: an event came, and something about it is missing, or
// what a lost one would have said was found out otherwise. The lost ones themselves are counted under other reasons. A reason
// that is not here counts as a loss.
var inPart = map[string]bool{
	"user_memory": true, "path_unresolved": true, "process_partial": true, "process_evicted": true, "process_unreadable": true,
	"user_unnamed": true, "cgroup_unknown": true, "cgroup_forgotten": true, "metadata_late": true,
	"missed_fork": true, "missed_exec": true, "missed_exit": true,
}

// losses parts drops into events that were lost and events that are known in part.
func losses(drops Tally) (lost, part uint64) {
	for reason, n := range drops {
		if inPart[reason] {
			part += n
		} else {
			lost += n
		}
	}
	return lost, part
}
