// Package schemas holds the JSON Schemas of the files that people write, for their editors and
// pipelines. They are made from the code by test/docs. It embeds files; it never checks one.
package schemas

import (
	"embed"
	"fmt"
)

//go:embed *.json
var files embed.FS

// Names are the kinds of files that have a schema.
func Names() []string { return []string{"runbook", "release", "scenario"} }

// Read returns the schema of that name, in JSON Schema 2020-12.
func Read(name string) ([]byte, error) {
	text, err := files.ReadFile(name + ".json")
	if err != nil {
		return nil, fmt.Errorf("no schema %q: there are %v", name, Names())
	}
	return text, nil
}
