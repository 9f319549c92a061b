package runbook

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Digest names the bundle's content: "sha256:…" of its canonical JSON. It does not
// depend on the order of keys or of the compatible encoders, nor on whether the
// bundle came as YAML or JSON. Only a bundle that passes [Bundle.Check] has a digest
// that means something.
func (b Bundle) Digest() string { return digest(b.canonical()) }

// canonical returns JSON with sorted keys, no white space, no HTML escapes and every
// number as a float64 prints, as in RFC 8785.
func (b Bundle) canonical() []byte {
	b.Schema = Schema
	b.Compatible.Encoders = slices.Compact(slices.Sorted(slices.Values(b.Compatible.Encoders)))
	var tree map[string]any
	// A struct of strings, and flags that Check allows, cannot fail to marshal; what
	// Check refuses gives the digest of nothing.
	text, err := json.Marshal(b)
	if err != nil || json.Unmarshal(text, &tree) != nil {
		return nil
	}
	if flags, ok := tree["flags"].(map[string]any); ok {
		for name, value := range flags {
			if value == 0.0 {
				flags[name] = 0.0 // there is one zero: -0 would print as another
			}
		}
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if enc.Encode(tree) != nil {
		return nil
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}
