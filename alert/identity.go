package alert

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
)

// ID is the alert_id: the same for the same number of the same boot of the same sensor.
func ID(sensorID, bootID string, seq uint64) string {
	return digest("id", sensorID, bootID, strconv.FormatUint(seq, 10))
}

// HeartbeatID is the alert_id of a heartbeat, which has no number.
func HeartbeatID(sensorID, bootID, time string) string {
	return digest("heartbeat", sensorID, bootID, time)
}

// Identity is what repeats of the same thing have in common: the rule's name, the place, the executable, and fields, the
// values a rule names as telling one thing from another (a file's path, an address). The place is as lasting as is
// known: the container's name within its workload, so that a crash-looping pod is one thing and not hundreds; without
// a workload within its pod; without a pod the container's id; on a host the node. It says nothing of the cluster (see
// alert.proto).
func Identity(a *Alert, fields ...*Field) string {
	parts := append([]string{"identity", a.GetRule().GetName()}, place(a)...)
	parts = append(parts, a.GetProcess().GetExePath())
	for _, f := range fields {
		parts = append(parts, f.GetName(), f.GetType().String())
		parts = append(parts, f.values()...)
	}
	return digest(parts...)
}

func place(a *Alert) []string {
	c, p := a.GetContainer(), a.GetPod()
	switch {
	case c == nil:
		return []string{"node", a.GetNode().GetName()}
	case p.GetWorkloadName() != "" && c.GetName() != "":
		return []string{"workload", p.GetNamespace(), p.GetWorkloadKind(), p.GetWorkloadName(), c.GetName()}
	case p.GetName() != "" && c.GetName() != "":
		return []string{"pod", p.GetNamespace(), p.GetName(), c.GetName()}
	default:
		return []string{"container", c.GetId()}
	}
}

// digest hashes parts with their lengths, so that no two lists of parts look alike, to 32 hexadecimal digits: what SCC
// allows a finding's id to be.
func digest(parts ...string) string {
	h := sha256.New()
	var n [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// NewField makes a field of a value of one of the rule language's types: string, int64, bool or []string. nil, and any
// other type, is a field without a value.
func NewField(name string, value any) *Field {
	f := &Field{Name: name}
	switch v := value.(type) {
	case string:
		f.Type, f.Text = Alert_Field_TEXT, v
	case int64:
		f.Type, f.Number = Alert_Field_NUMBER, v
	case bool:
		f.Type, f.Flag = Alert_Field_FLAG, v
	case []string:
		f.Type, f.List = Alert_Field_LIST, v
	}
	return f
}

// Value is the reverse of [NewField]; nil for a field without a value or of a type this version does not know.
func (x *Alert_Field) Value() any {
	switch x.GetType() {
	case Alert_Field_TEXT:
		return x.Text
	case Alert_Field_NUMBER:
		return x.Number
	case Alert_Field_FLAG:
		return x.Flag
	case Alert_Field_LIST:
		return x.List
	default:
		return nil
	}
}

// Display is the value as text, list items joined by commas; "" for none. It is not escaped.
func (x *Alert_Field) Display() string { return strings.Join(x.values(), ",") }

func (x *Alert_Field) values() []string {
	switch x.GetType() {
	case Alert_Field_TEXT:
		return []string{x.Text}
	case Alert_Field_NUMBER:
		return []string{strconv.FormatInt(x.Number, 10)}
	case Alert_Field_FLAG:
		return []string{strconv.FormatBool(x.Flag)}
	case Alert_Field_LIST:
		return x.List
	default:
		return nil
	}
}
