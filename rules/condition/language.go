package condition

import (
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/parser"

	"tiercel.dev/rules/field"
)

const (
	// MaxText is the longest condition, in bytes.
	MaxText = 64 << 10
	// maxDepth is how deep a condition may nest: the parser and all that walks trees recurse.
	maxDepth = 200
	// maxNodes is how large a condition may be once its macros stand in place: macros that use macros twice double.
	maxNodes = 50_000
)

// A Function is one function of the language, for its documentation.
type Function struct {
	Name string
	Uses []string // examples
	Doc  string
}

// Functions lists the functions of the language besides the operators.
func Functions() []Function {
	return []Function{
		{"has", []string{"has(proc.pname)"}, "The event has a value for the field."},
		{"startsWith", []string{`fd.name.startsWith("/etc/")`, `fd.name.startsWith(["/etc/", "/boot/"])`}, "The text starts with the other, or with any of a list."},
		{"endsWith", []string{`fd.name.endsWith(".so")`}, "The text ends with the other, or with any of a list."},
		{"contains", []string{`proc.args.contains("-e")`}, "The text contains the other, or any of a list."},
		{"icontains", []string{`proc.args.icontains("passw")`}, "As contains, ASCII letters of either case being equal."},
		{"glob", []string{`fd.name.glob("/home/*/.ssh/*")`}, "The whole text fits the pattern, or any of a list: * and ? take any character, the slash too; [a-z], [!a-z] take one; \\x is x."},
		{"iglob", []string{`proc.name.iglob("*miner*")`}, "As glob, ASCII letters of either case being equal."},
		{"bcontains", []string{`proc.args.bcontains("2d65")`}, "The bytes, given in hexadecimal digits, are found in the text."},
		{"bstartsWith", []string{`proc.args.bstartsWith("2d65")`}, "The text starts with the bytes, given in hexadecimal digits."},
		{"pmatch", []string{`fd.name.pmatch(["/etc", "/home/*/.ssh"])`}, "The path is the other, or lies below it, or any of a list; each component may be a glob."},
		{"matches", []string{`proc.cmdline.matches(r"base64\s+-d")`}, "The regular expression (RE2), a constant, is found anywhere in the text."},
		{"basename", []string{"proc.exepath.basename()"}, "What stands behind the last slash."},
		{"dirname", []string{"proc.exepath.dirname()"}, "What stands before the last slash; \"/\" for what lies in the root."},
		{"lower", []string{"proc.name.lower()"}, "ASCII letters in lower case."},
		{"upper", []string{"proc.name.upper()"}, "ASCII letters in upper case."},
		{"b64", []string{`proc.args.b64()`}, "What the text is the base64 of, with or without padding; empty if it is none."},
		{"len", []string{"proc.args.len()"}, "Bytes of a text."},
		{"inCIDR", []string{`inCIDR(fd.sip, "10.0.0.0/8")`, `inCIDR(fd.ip, ["10.0.0.0/8", "fd00::/8"])`}, "The address, or any of a list of addresses, lies in the network, or in any of a list of networks. False for what is no address."},
		{"exists", []string{"proc.aname.exists(a, a in shells)"}, "Any element of the list makes it true."},
		{"all", []string{"proc.aname.all(a, a != \"sshd\")"}, "Every element of the list makes it true; true for an empty list."},
		{"exists_one", []string{"proc.aname.exists_one(a, a == \"sh\")"}, "Exactly one element of the list makes it true."},
		{"size", []string{"size(proc.args) > 4096", "size(proc.aname) > 5"}, "Characters of a text, elements of a list."},
		{"int", []string{`int(proc.env["UID"]) == 0`}, "The number that a text spells; an error if it spells none."},
		{"string", []string{"string(proc.pid)"}, "A number as text."},
		{"duration", []string{`proc.duration < duration("5s")`}, "A duration, from a constant."},
	}
}

// standard is what the language has of CEL's standard library.
var standard = map[string][]string{
	operators.Conditional: nil, operators.LogicalAnd: nil, operators.LogicalOr: nil, operators.LogicalNot: nil,
	operators.NotStrictlyFalse: nil, operators.Equals: nil, operators.NotEquals: nil,
	operators.Less:          {"less_int64", "less_string", "less_duration"},
	operators.LessEquals:    {"less_equals_int64", "less_equals_string", "less_equals_duration"},
	operators.Greater:       {"greater_int64", "greater_string", "greater_duration"},
	operators.GreaterEquals: {"greater_equals_int64", "greater_equals_string", "greater_equals_duration"},
	operators.Add:           {"add_int64", "add_string"},
	operators.Subtract:      {"subtract_int64"}, operators.Multiply: {"multiply_int64"},
	operators.Divide: {"divide_int64"}, operators.Modulo: {"modulo_int64"}, operators.Negate: {"negate_int64"},
	operators.In: {"in_list"}, operators.Index: {"index_list"},
	"size":     {"size_string", "size_list", "string_size", "list_size"},
	"contains": {"contains_string"}, "startsWith": {"starts_with_string"}, "endsWith": {"ends_with_string"}, "matches": {"matches_string"},
	"int": {"string_to_int64"}, "string": {"int64_to_string"}, "duration": {"string_to_duration"},
}

// hasCall is what has(x) is parsed as, until x is known to be a field; no condition can spell it.
const hasCall = "@has"

func newEnv() (*cel.Env, error) {
	options := []cel.EnvOption{
		cel.Macros(parser.AllMacro, parser.ExistsMacro, parser.ExistsOneMacro,
			parser.NewGlobalMacro(operators.Has, 1, func(h parser.ExprHelper, _ ast.Expr, args []ast.Expr) (ast.Expr, *common.Error) {
				return h.NewCall(hasCall, args[0]), nil
			})),
	}
	for _, f := range field.All() {
		options = append(options, cel.Variable(presence(f.Name), cel.BoolType))
		if f.Type != field.None {
			options = append(options, cel.Variable(f.Name, celType(f.Type)))
		}
	}
	return newLanguage(standard, options)
}

// newLanguage is CEL as far as conditions have it, with the functions of functions by their overloads and our own.
func newLanguage(functions map[string][]string, more []cel.EnvOption) (*cel.Env, error) {
	subset := &env.LibrarySubset{DisableMacros: true}
	for name, overloads := range functions {
		f := env.NewFunction(name)
		for _, id := range overloads {
			f.Overloads = append(f.Overloads, &env.Overload{ID: id})
		}
		subset.IncludeFunctions = append(subset.IncludeFunctions, f)
	}
	options := []cel.EnvOption{
		cel.StdLib(cel.StdLibSubset(subset)),
		cel.HomogeneousAggregateLiterals(),
		cel.ParserRecursionLimit(maxDepth),
		cel.ParserExpressionSizeLimit(MaxText),
	}
	return cel.NewCustomEnv(slices.Concat(options, more, ownFunctions())...)
}

// presence names the variable that tells whether an event has the field.
func presence(name string) string { return "has(" + name + ")" }

func celType(t field.Type) *cel.Type {
	switch t {
	case field.Int:
		return cel.IntType
	case field.Bool:
		return cel.BoolType
	case field.Duration:
		return cel.DurationType
	case field.Texts, field.Addrs:
		return cel.ListType(cel.StringType)
	case field.Ints:
		return cel.ListType(cel.IntType)
	}
	return cel.StringType
}

// textTests are the methods of texts that take a text, or a list of which any may hold.
var textTests = map[string]func(s, arg string) bool{
	"startsWith": strings.HasPrefix,
	"endsWith":   strings.HasSuffix,
	"contains":   strings.Contains,
	"icontains":  containsFold,
	"glob":       func(s, arg string) bool { return Glob(arg, s) },
	"iglob":      func(s, arg string) bool { return Glob(Lower(arg), Lower(s)) },
	"pmatch":     func(s, arg string) bool { return pmatch(arg, s) },

	"bcontains":   func(s, arg string) bool { b, ok := unhex(arg); return ok && strings.Contains(s, b) },
	"bstartsWith": func(s, arg string) bool { b, ok := unhex(arg); return ok && strings.HasPrefix(s, b) },
}

var textMaps = map[string]func(string) string{"basename": field.Basename, "dirname": field.Dirname, "lower": Lower, "upper": Upper, "b64": Base64}

func ownFunctions() []cel.EnvOption {
	text, texts := cel.StringType, cel.ListType(cel.StringType)
	var options []cel.EnvOption
	for _, name := range slices.Sorted(maps.Keys(textTests)) {
		test := textTests[name]
		overloads := []cel.FunctionOpt{cel.MemberOverload(name+"_list", []*cel.Type{text, texts}, cel.BoolType,
			cel.BinaryBinding(func(s, list ref.Val) ref.Val {
				return anyText(list, func(arg string) bool { return test(str(s), arg) })
			}))}
		if standard[name] == nil {
			overloads = append(overloads, cel.MemberOverload(name+"_text", []*cel.Type{text, text}, cel.BoolType,
				cel.BinaryBinding(func(s, arg ref.Val) ref.Val { return types.Bool(test(str(s), str(arg))) })))
		}
		options = append(options, cel.Function(name, overloads...))
	}
	for _, name := range slices.Sorted(maps.Keys(textMaps)) {
		of := textMaps[name]
		options = append(options, cel.Function(name, cel.MemberOverload(name+"_text", []*cel.Type{text}, text,
			cel.UnaryBinding(func(s ref.Val) ref.Val { return types.String(of(str(s))) }))))
	}
	options = append(options, cel.Function("len", cel.MemberOverload("len_text", []*cel.Type{text}, cel.IntType,
		cel.UnaryBinding(func(s ref.Val) ref.Val { return types.Int(len(str(s))) }))))
	within := func(addr, network func(ref.Val, func(string) bool) ref.Val) cel.OverloadOpt {
		return cel.BinaryBinding(func(a, n ref.Val) ref.Val {
			return addr(a, func(a string) bool {
				return network(n, func(n string) bool { return inNet(a, n) }) == types.True
			})
		})
	}
	one := func(v ref.Val, test func(string) bool) ref.Val { return types.Bool(test(str(v))) }
	return append(options, cel.Function("inCIDR",
		cel.Overload("inCIDR_text_text", []*cel.Type{text, text}, cel.BoolType, within(one, one)),
		cel.Overload("inCIDR_text_list", []*cel.Type{text, texts}, cel.BoolType, within(one, anyText)),
		cel.Overload("inCIDR_list_text", []*cel.Type{texts, text}, cel.BoolType, within(anyText, one)),
		cel.Overload("inCIDR_list_list", []*cel.Type{texts, texts}, cel.BoolType, within(anyText, anyText))))
}

func str(v ref.Val) string { return string(v.(types.String)) }

func anyText(list ref.Val, test func(string) bool) ref.Val {
	for it := list.(traits.Lister).Iterator(); it.HasNext() == types.True; {
		if test(str(it.Next())) {
			return types.True
		}
	}
	return types.False
}
