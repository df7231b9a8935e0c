package falco

import "tiercel.dev/rules/source"

// A Code is Falco's name for a kind of error or warning.
type Code string

// The errors.
const (
	YAMLParse        Code = "LOAD_ERR_YAML_PARSE"
	YAMLValidate     Code = "LOAD_ERR_YAML_VALIDATE"
	CompileCondition Code = "LOAD_ERR_COMPILE_CONDITION"
	CompileOutput    Code = "LOAD_ERR_COMPILE_OUTPUT"
	Validate         Code = "LOAD_ERR_VALIDATE"
)

// The warnings.
const (
	UnknownSource          Code = "LOAD_UNKNOWN_SOURCE"
	UnknownFilter          Code = "LOAD_UNKNOWN_FILTER"
	NoEventType            Code = "LOAD_NO_EVTTYPE"
	UnusedMacro            Code = "LOAD_UNUSED_MACRO"
	UnusedList             Code = "LOAD_UNUSED_LIST"
	UnknownItem            Code = "LOAD_UNKNOWN_ITEM"
	UnknownKey             Code = "LOAD_UNKNOWN_KEY"
	DeprecatedItem         Code = "LOAD_DEPRECATED_ITEM"
	AppendNoValues         Code = "LOAD_APPEND_NO_VALUES"
	ExceptionNameNotUnique Code = "LOAD_EXCEPTION_NAME_NOT_UNIQUE"
	ConditionWarning       Code = "LOAD_COMPILE_CONDITION"
	InvalidMacroName       Code = "LOAD_INVALID_MACRO_NAME"
	InvalidListName        Code = "LOAD_INVALID_LIST_NAME"
)

// Warnings of ours, where Falco is silent.
const (
	DuplicateKey Code = "LOAD_DUPLICATE_KEY"
	Ignored      Code = "LOAD_IGNORED"     // what Falco would do and we do not
	NestedList   Code = "LOAD_NESTED_LIST" // a list's name that stays a text
)

// An Issue is one thing wrong with a file, or worth a warning.
type Issue struct {
	source.Position
	Code    Code
	Item    string // what it is about: rule "Shell in container", list "shells", …; "" for a whole file
	Message string
	// Text is the line that Position names.
	Text string
}

// Error is the place, the code, the item and the message, and below them the line with a caret under the place.
func (i *Issue) Error() string {
	message := string(i.Code) + ": "
	if i.Item != "" {
		message += i.Item + ": "
	}
	e := source.Error{Position: i.Position, Message: message + i.Message, Text: i.Text}
	return e.Error()
}
