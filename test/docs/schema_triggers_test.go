package docs

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/autorollback/autorollback/runbook"
)

// triggers say of each type of trigger which fields it needs and may have.
func (s schemer) triggers(properties object) (all []object) {
	for i, kind := range properties["type"].(object)["enum"].([]string) {
		place := fmt.Sprintf("triggers[%d]", i)
		if at(s.document(), place+".type").Value != kind {
			s.t.Fatalf("%s of the file with the least of every section is not of type %s", place, kind)
		}
		var may, needs []string
		for _, key := range slices.Sorted(maps.Keys(properties)) {
			if s.needed("triggers[]", key, kind) {
				needs = append(needs, key)
			}
			if s.may(place, key) {
				may = append(may, key)
			}
		}
		all = append(all, object{
			"if":   object{"properties": object{"type": object{"const": kind}}, "required": []string{"type"}},
			"then": object{"required": needs, "propertyNames": object{"enum": may}},
		})
	}
	return all
}

// may reports whether the parser lets the trigger have the field at all.
func (s schemer) may(place, key string) bool {
	of := reflect.TypeFor[runbook.Trigger]()
	for i := range of.NumField() {
		if yamlKey(of.Field(i)) == key {
			path := dotted(place, key)
			return at(s.document(), path) != nil ||
				!strings.Contains(s.parse(path, sample(of.Field(i).Type)), "does not belong to a trigger of type")
		}
	}
	return false
}

// items are the paths of a list's only element.
func items(lists []string) (paths []string) {
	for _, list := range lists {
		paths = append(paths, list+"[0]")
	}
	return paths
}

// plainly is the file without aliases and merged keys.
func plainly(t *testing.T, text []byte) []byte {
	t.Helper()
	var all any
	if err := yaml.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	plain, err := yaml.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}
