package falco

import (
	"strings"

	"tiercel.dev/rules/falco/syntax"
	"tiercel.dev/rules/source"
)

// maxItems is how many values a list may have with the lists in it in place.
const maxItems = 100_000

// compileLists makes the lists of the ruleset. Falco puts lists into conditions as text, one after the other in the order in
// which their names came first, and before that the items of a list into one that names it, if it sees it. So a list in a
// list is found, and one in that only if its name came after that of the outermost.
func (l *loading) compileLists() {
	for i, d := range l.listOrder {
		d.place = i
		for _, text := range d.items {
			d.parseItem(text)
		}
	}
	for _, d := range l.listOrder {
		list := &List{Name: d.name, Position: d.lines.Position(d.node), Comments: d.comments}
		for _, item := range d.parsed {
			if inner := l.lists[item.Text]; inner != nil && inner != d && !item.Quoted {
				item.List = item.Text
				inner.used = true
			}
			list.Items = append(list.Items, item)
		}
		list.Values = l.inPlace(nil, l.shallow(d), d, d.place+1)
		l.set.Lists = append(l.set.Lists, list)
	}
}

// parseItem reads an item, which as text may hold several with commas between.
func (d *listDef) parseItem(t source.Text) {
	text, shift := t.Value, 0
	if strings.Contains(text, " ") && text[0] != '"' && text[0] != '\'' {
		text, shift = `"`+text+`"`, 1
	}
	values, err := syntax.ParseValues(text)
	if err != nil {
		at := err.(*syntax.Error)
		d.wrong = append(d.wrong, d.issue(CompileCondition, positionOf(t, max(at.Offset-shift, 0)), "%s is no item: %s", source.Quote(t.Value), at.Message))
		return
	}
	for _, v := range values {
		d.parsed = append(d.parsed, Item{Value: v, Position: positionOf(t, max(v.At()-shift, 0))})
	}
}

// positionOf is the place of an offset in bytes into a text.
func positionOf(t source.Text, offset int) source.Position {
	j := source.Join{}
	j.Add(t)
	return j.AtByte(offset)
}

// shallow are a list's items with those of the lists in place that it sees.
func (l *loading) shallow(d *listDef) []Item {
	var out []Item
	for _, item := range d.parsed {
		if inner := l.lists[item.Text]; !item.Quoted && inner != nil && d.sees(inner.order) {
			out = append(out, inner.parsed...)
			continue
		}
		out = append(out, item)
	}
	return out
}

// inPlace adds items to values, with those of the lists in place that they name and that stand at from or behind.
func (l *loading) inPlace(values []syntax.Value, items []Item, d *listDef, from int) []syntax.Value {
	for _, item := range items {
		inner := l.lists[item.Text]
		switch {
		case len(values) > maxItems:
			if !d.broken {
				d.fail(Validate, d.node, "the list has more than %d values", maxItems)
			}
			return values
		case inner == nil || item.Quoted:
			values = append(values, item.Value)
		case inner.place >= from:
			values = l.inPlace(values, l.shallow(inner), d, inner.place+1)
		default:
			if inner != d {
				d.set.warn(d.issue(NestedList, item.Position, "list %s stays a text in list %s: it is a list in a list in a list, and its name came before", source.Quote(item.Text), source.Quote(d.name)))
			}
			values = append(values, item.Value)
		}
	}
	return values
}
