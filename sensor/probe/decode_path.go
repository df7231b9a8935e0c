package probe

import "tiercel.dev/internal/event"

// path decodes a path argument and its two texts, of which the second is the directory that it starts from.
func (d *Decoder) path(v *bpfPathArg, t *texts) (p event.Path, base string) {
	p.Raw = str(t.next(int(v.RawLen)))
	base = realPath(t.next(int(v.BaseLen)), v.BaseStatus)
	if v.Flags&uint8(bpfPathFlagPATH_UNREADABLE) == 0 {
		p.Name = d.join(base, p.Raw)
	}
	return p, base
}

var slash = []byte("/")

// realPath is a path that the kernel side walked. The root has no component.
func realPath(text []byte, status uint8) string {
	if len(text) == 0 && status == uint8(event.PathResolved) {
		text = slash
	}
	return str(text)
}

// join makes path absolute by its text alone: it goes through base if it is relative, "." and empty components are left
// out, ".." takes one away. Links are not followed, as in Falco. If base is not known, the name stays relative.
func (d *Decoder) join(base, path string) string {
	start := len(d.text)
	absolute := len(path) > 0 && path[0] == '/'
	if !absolute {
		absolute = len(base) > 0 && base[0] == '/'
		d.clean(start, base)
	}
	d.clean(start, path)
	name := d.text[start:]
	switch {
	case len(name) == 0 && absolute:
		d.text = append(d.text, '/')
	case len(name) > 0 && !absolute:
		// Every component was written behind a slash.
		return str(name[1:])
	}
	return str(d.text[start:])
}

// clean appends path's components to d.text, each behind a slash. Text before start is not this path's.
func (d *Decoder) clean(start int, path string) {
	for len(path) > 0 {
		end := 0
		for end < len(path) && path[end] != '/' {
			end++
		}
		switch component := path[:end]; component {
		case "", ".":
		case "..":
			for len(d.text) > start {
				last := len(d.text) - 1
				c := d.text[last]
				d.text = d.text[:last]
				if c == '/' {
					break
				}
			}
		default:
			d.text = append(append(d.text, '/'), component...)
		}
		path = path[min(end+1, len(path)):]
	}
}
