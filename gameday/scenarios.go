package gameday

import (
	"embed"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

//go:embed scenarios/*.yaml
var scenarioFiles embed.FS

// Scenarios are the scenarios of the embedded world, in the order of their names.
func Scenarios() ([]Scenario, error) {
	entries, err := scenarioFiles.ReadDir("scenarios")
	if err != nil {
		return nil, fmt.Errorf("list scenarios: %w", err)
	}
	var all []Scenario
	for _, e := range entries {
		s, err := EmbeddedScenario(strings.TrimSuffix(e.Name(), ".yaml"))
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// EmbeddedScenario is the scenario of that name.
func EmbeddedScenario(name string) (Scenario, error) {
	text, err := ScenarioText(name)
	if err != nil {
		return Scenario{}, err
	}
	return ParseScenario(name+".yaml", text)
}

// ScenarioText is the file of the scenario of that name.
func ScenarioText(name string) ([]byte, error) {
	text, err := scenarioFiles.ReadFile(path.Join("scenarios", name+".yaml"))
	if err != nil {
		return nil, fmt.Errorf("no scenario %q: see autorollback gameday list", name)
	}
	return text, nil
}

// Faults names every fault.
func Faults() string {
	var all []string
	for _, f := range slices.Sorted(maps.Keys(faults)) {
		all = append(all, string(f))
	}
	return strings.Join(all, ", ")
}
