package enrich

import "tiercel.dev/alert"

func nextSteps(a *alert.Alert) string { return "" }
