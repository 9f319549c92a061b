package docs

import (
	"encoding/json"
	"errors"

	"go.yaml.in/yaml/v3"
)

// An instance is a file as a validator sees it: numbers as they are written, a date as text. It has
// a budget of values, because aliases multiply them.
type instance struct{ left int }

func (in *instance) value(n *yaml.Node) (any, error) {
	if in.left--; in.left < 0 {
		return nil, errors.New("too many values")
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return in.value(n.Content[0])
	case yaml.AliasNode:
		return in.value(n.Alias)
	case yaml.SequenceNode:
		list := []any{}
		for _, one := range n.Content {
			v, err := in.value(one)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case yaml.MappingNode:
		return in.mapping(n)
	}
	return scalar(n)
}

func (in *instance) mapping(n *yaml.Node) (any, error) {
	all := map[string]any{}
	var merged []any
	for i := 0; i+1 < len(n.Content); i += 2 {
		v, err := in.value(n.Content[i+1])
		switch list, several := v.([]any); {
		case err != nil:
			return nil, err
		case n.Content[i].ShortTag() != "!!merge":
			all[n.Content[i].Value] = v
		case several:
			merged = append(merged, list...)
		default:
			merged = append(merged, v)
		}
	}
	for _, from := range merged {
		pairs, ok := from.(map[string]any)
		if !ok {
			return nil, errors.New("what is merged is no mapping")
		}
		for key, value := range pairs {
			if _, own := all[key]; !own {
				all[key] = value
			}
		}
	}
	return all, nil
}

func scalar(n *yaml.Node) (any, error) {
	switch n.ShortTag() {
	case "!!int", "!!float":
		var f any
		if err := n.Decode(&f); err != nil {
			return nil, err
		}
		text, err := json.Marshal(f)
		return json.Number(text), err
	case "!!timestamp", "!!str", "!!binary":
		return n.Value, nil
	}
	var v any
	err := n.Decode(&v)
	return v, err
}
