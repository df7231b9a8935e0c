package pubsub

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// apply copies into spec what mask names of change: fields that may be changed, or fields in them.
func apply(spec, change proto.Message, mask *fieldmaskpb.FieldMask, mutable ...string) error {
	if len(mask.GetPaths()) == 0 {
		return fmt.Errorf("update_mask is empty")
	}
	for _, path := range mask.Paths {
		steps := strings.Split(path, ".")
		if !slices.Contains(mutable, steps[0]) {
			return fmt.Errorf("update_mask: %q is not there or does not change", path)
		}
		if err := copyField(spec.ProtoReflect(), change.ProtoReflect(), steps); err != nil {
			return fmt.Errorf("update_mask: %q: %w", path, err)
		}
	}
	return nil
}

func copyField(to, from protoreflect.Message, steps []string) error {
	f := to.Descriptor().Fields().ByName(protoreflect.Name(steps[0]))
	switch {
	case f == nil:
		return fmt.Errorf("%s has no %s", to.Descriptor().Name(), steps[0])
	case len(steps) > 1 && (f.Message() == nil || f.IsMap() || f.IsList()):
		return fmt.Errorf("%s has no fields", steps[0])
	case len(steps) > 1:
		return copyField(to.Mutable(f).Message(), from.Get(f).Message(), steps[1:])
	case from.Has(f):
		to.Set(f, from.Get(f))
	default:
		to.Clear(f)
	}
	return nil
}
