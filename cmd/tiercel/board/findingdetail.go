package board

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"
)

// FindingDetail is that of a finding that is kept, by its name.
func (b *Board) FindingDetail(name string) (Detail, bool) {
	b.mu.Lock()
	f, ok := b.findings.get(name)
	b.mu.Unlock()
	if !ok {
		return Detail{}, false
	}
	is := Section{Title: "Finding"}
	is.add("name", f.Name)
	is.add("category", f.Category)
	is.add("state", f.State.String())
	is.add("severity", f.Severity.String())
	is.add("class", f.FindingClass.String())
	is.add("mute", f.Mute.String())
	is.add("resource", f.ResourceName)
	is.add("event time", f.EventTime.AsTime().UTC().Format(time.RFC3339Nano))
	if f.CreateTime != nil {
		is.add("create time", f.CreateTime.AsTime().UTC().Format(time.RFC3339Nano))
	}
	is.add("description", f.Description)
	is.add("next steps", f.NextSteps)
	is.add("link", f.ExternalUri)
	attack := Section{Title: "MITRE ATT&CK"}
	attack.add("tactic", f.GetMitreAttack().GetPrimaryTactic().String())
	attack.add("techniques", strings.Trim(fmt.Sprint(f.GetMitreAttack().GetPrimaryTechniques()), "[]"))
	if f.MitreAttack == nil {
		attack.Pairs = nil
	}
	properties := Section{Title: "Source properties"}
	for _, key := range slices.Sorted(maps.Keys(f.SourceProperties)) {
		properties.add(key, property(f.SourceProperties[key]))
	}
	d := Detail{Sections: []Section{is}}
	for _, s := range []Section{attack, properties} {
		if len(s.Pairs) > 0 {
			d.Sections = append(d.Sections, s)
		}
	}
	d.JSON = lines(indented(protojson.MarshalOptions{UseProtoNames: false}.Marshal(f)))
	return d, true
}

func property(v *structpb.Value) string {
	if text, ok := v.GetKind().(*structpb.Value_StringValue); ok {
		return text.StringValue
	}
	return fmt.Sprint(v.AsInterface())
}
