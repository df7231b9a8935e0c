// Package source finds the places of texts in rule files: of YAML nodes, and of single characters of a scalar, however YAML
// folds or escapes it. Native rule files and Falco's are read with it; it knows neither language.
package source
