package main

import (
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// inUnit finds the commands of the systemd unit, with the environment file's values in them as systemd puts them there.
func inUnit(t *testing.T) (found []printed) {
	const unit = "deploy/systemd/autorollback.service"
	values := map[string]string{}
	for line := range strings.Lines(text(t, "deploy/systemd/autorollback.env")) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(name, "#") {
			values[name] = value
		}
	}
	used := 0
	for line := range strings.Lines(strings.ReplaceAll(text(t, unit), "\\\n", "")) {
		command, ok := strings.CutPrefix(line, "ExecStart=/usr/local/bin/autorollback ")
		if !ok {
			continue
		}
		command = regexp.MustCompile(`\$(\w+|{\w+})`).ReplaceAllStringFunc(strings.TrimSpace(command), func(name string) string {
			value, ok := values[strings.Trim(name, "${}")]
			if !ok {
				t.Errorf("%s: %s has no value in the environment file", unit, name)
			}
			used++
			return value
		})
		found = append(found, printed{unit, "autorollback", command})
	}
	if len(found) != 1 || used != len(values) {
		t.Errorf("%s: %d commands use %d of %d values", unit, len(found), used, len(values))
	}
	return found
}

// inCompose finds the commands of the compose file's containers that are of our image.
func inCompose(t *testing.T) (found []printed) {
	const file = "deploy/compose/docker-compose.yml"
	var project struct {
		Services map[string]struct {
			Image   string
			Command []string
		}
	}
	if err := yaml.Unmarshal([]byte(text(t, file)), &project); err != nil {
		t.Fatal(err)
	}
	for name, s := range project.Services {
		if s.Image == "autorollback" {
			found = append(found, printed{file + ": " + name, s.Image, strings.Join(s.Command, " ")})
		}
	}
	if len(found) != 3 {
		t.Errorf("%s: found %v", file, found)
	}
	return found
}
