package field

import (
	"strings"

	"tiercel.dev/internal/event"
)

func procArgs(p *event.Process) string { return p.ArgsText }

// cmdArgFields are the arguments that a process was started with, behind argv[0].
func cmdArgFields() []Field {
	return []Field{
		{Name: "proc.args", Type: Text, Doc: "The arguments behind argv[0], joined by single blanks.", TextOf: procText(procArgs).text,
			set: func(b *builder, v string) error { setArgs(b.proc, v); return nil },
			Key: IntKey, KeyType: Text, KeyDoc: "One of the arguments behind argv[0], which is not counted: proc.args[0] is argv[1]. Missing if there are fewer.",
			keyed: func(k key) Field {
				return Field{TextOf: func(ev *event.Event) (string, bool) {
					if ev.Process == nil || k.num >= len(ev.Process.Args) {
						return "", false
					}
					return ev.Process.Args[k.num], true
				}}
			},
			setKey: func(b *builder, k key, v string) error {
				for len(b.proc.Args) <= k.num {
					b.proc.Args = append(b.proc.Args, "")
				}
				b.proc.Args[k.num] = v
				b.proc.ArgsText = strings.Join(b.proc.Args, " ")
				return nil
			}},
		ancestorTexts("proc.aargs", "proc.args", procArgs, setArgs),
		procInt("proc.cmdnargs", "How many arguments there are behind argv[0].", func(p *event.Process) int64 { return int64(len(p.Args)) }, nil),
		procInt("proc.cmdlenargs", "Length of the arguments behind argv[0] together, in bytes, without blanks between them.", func(p *event.Process) (n int64) {
			for _, a := range p.Args {
				n += int64(len(a))
			}
			return n
		}, nil),
	}
}

func setArgs(p *event.Process, v string) { p.ArgsText, p.Args = v, strings.Fields(v) }
