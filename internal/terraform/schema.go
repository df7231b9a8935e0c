package terraform

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// Schema is what a provider says of its resources and data sources, in the form that `terraform providers schema -json` writes.
type Schema struct {
	Snapshot    string                  `json:"snapshot"` // the day it was taken
	Provider    string                  `json:"provider"`
	Resources   map[string]*BlockSchema `json:"resources"`
	DataSources map[string]*BlockSchema `json:"data_sources"`
}

// BlockSchema says what may stand in a block.
type BlockSchema struct {
	Attributes map[string]*AttributeSchema `json:"attributes,omitempty"`
	Blocks     map[string]*NestedSchema    `json:"block_types,omitempty"`
}

// AttributeSchema says of an argument what it must be. One that is computed and not optional cannot be set.
type AttributeSchema struct {
	Type     json.RawMessage `json:"type"` // as cty writes types
	Required bool            `json:"required,omitempty"`
	Optional bool            `json:"optional,omitempty"`
	Computed bool            `json:"computed,omitempty"`
}

// NestedSchema says how often a block may stand in another. Its values are a list or a set.
type NestedSchema struct {
	Block *BlockSchema `json:"block"`
	Mode  string       `json:"nesting_mode"`
	Min   int          `json:"min_items,omitempty"`
	Max   int          `json:"max_items,omitempty"` // 0: any number
}

// ReadSchema reads a file.
func ReadSchema(path string) (*Schema, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := new(Schema)
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(s.Resources) == 0 || s.Snapshot == "" {
		return nil, fmt.Errorf("%s: no schema of a provider with its day", path)
	}
	return s, nil
}

func (a *AttributeSchema) cty() cty.Type {
	t, err := ctyjson.UnmarshalType(a.Type)
	if err != nil {
		return cty.DynamicPseudoType
	}
	return t
}

// cty is the type of a block's value.
func (b *BlockSchema) cty() cty.Type {
	types := make(map[string]cty.Type)
	for name, a := range b.Attributes {
		types[name] = a.cty()
	}
	for name, n := range b.Blocks {
		types[name] = n.cty()
	}
	return cty.Object(types)
}

func (n *NestedSchema) cty() cty.Type {
	if n.Mode == "set" {
		return cty.Set(n.Block.cty())
	}
	return cty.List(n.Block.cty())
}
