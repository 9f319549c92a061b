package ofrep

import (
	"fmt"
	"maps"
	"slices"
)

// The documents for other flag systems.
const (
	Flagd         = "flagd"
	GoFeatureFlag = "goff"
)

// Formats are the names of those documents.
func Formats() []string { return []string{Flagd, GoFeatureFlag} }

// Export is the flags of all versions of a service in another program's form: each flag has a
// variant for each version, named like it, which the attribute version of the evaluation context
// chooses. leftOut names flags that versions have with different types, and documents that
// cannot be read: neither form has a place for them.
func Export(v View, format string) (doc any, leftOut []string, err error) {
	flags, leftOut := v.byFlag()
	switch format {
	case Flagd:
		return flagd(v, flags), leftOut, nil
	case GoFeatureFlag:
		return goff(flags), leftOut, nil
	}
	return nil, nil, fmt.Errorf("no format is called %q; there are %q", format, Formats())
}

// variants are a flag's values by version.
type variants map[string]any

func (s variants) versions() []string { return slices.Sorted(maps.Keys(s)) }

func (v View) byFlag() (flags map[string]variants, leftOut []string) {
	flags = map[string]variants{}
	for _, version := range slices.Sorted(maps.Keys(v.Documents)) {
		if d := v.Documents[version]; d.Problem != "" {
			leftOut = append(leftOut, fmt.Sprintf("the document of version %s: %s", version, d.Problem))
		}
		for name, value := range v.Documents[version].Flags {
			if flags[name] == nil {
				flags[name] = variants{}
			}
			flags[name][version] = value
		}
	}
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		if !oneType(flags[name]) {
			leftOut = append(leftOut, fmt.Sprintf("flag %s: its versions have different types", name))
			delete(flags, name)
		}
	}
	return flags, leftOut
}

func oneType(s variants) bool {
	types := map[string]bool{}
	for _, value := range s {
		types[fmt.Sprintf("%T", value)] = true
	}
	return len(types) == 1
}

// flagd is flagd's document. It has no default variant: a version that it does not know gets what
// its own code says.
func flagd(v View, flags map[string]variants) any {
	all := map[string]any{}
	for name, values := range flags {
		version := map[string]any{"var": "version"}
		all[name] = map[string]any{
			"state": "ENABLED", "variants": values, "defaultVariant": nil,
			"targeting": map[string]any{"if": []any{map[string]any{"in": []any{version, values.versions()}}, version, nil}},
		}
	}
	return map[string]any{
		"$schema": "https://flagd.dev/schema/v0/flags.json", "flags": all,
		"metadata": map[string]any{"service": v.Service, "region": v.Region},
	}
}

// unknown is the variation of go-feature-flag for versions that the documents do not know.
const unknown = "unknown-version"

// goff is go-feature-flag's document. It cannot do without a default, so a version that it does not
// know gets nothing of any bundle: false, an empty text, 0.
func goff(flags map[string]variants) any {
	all := map[string]any{}
	for name, values := range flags {
		var rules []any
		variations := map[string]any{unknown: nothing(values)}
		for _, version := range values.versions() {
			variations[version] = values[version]
			rules = append(rules, map[string]any{"name": version, "query": fmt.Sprintf("version eq %q", version), "variation": version})
		}
		all[name] = map[string]any{"variations": variations, "targeting": rules, "defaultRule": map[string]any{"variation": unknown}}
	}
	return all
}

func nothing(values variants) any {
	for _, value := range values {
		switch value.(type) {
		case bool:
			return false
		case string:
			return ""
		}
	}
	return 0.0
}
