package deploy

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// The image's build gets every folder that the go command compiles, and no other: .dockerignore names them.
func TestImageGetsItsSources(t *testing.T) {
	const module = "github.com/autorollback/autorollback/"
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{.ImportPath}}", "./cmd/autorollback", "./cmd/autorollback-keeper", "./examples/service")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"go.mod", "go.sum"}
	for line := range strings.FieldsSeq(string(out)) {
		if own, ok := strings.CutPrefix(line, module); ok {
			top, _, _ := strings.Cut(own, "/")
			want = append(want, strings.Replace(top, "examples", "examples/service", 1)) // beside it are tokens that a walk left
		}
	}
	slices.Sort(want)
	want = slices.Compact(want)
	var got []string
	for line := range strings.Lines(read(t, ".dockerignore")) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "!"); ok {
			got = append(got, name)
		}
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("the image's build gets\n%v, and compiles\n%v", got, want)
	}
}

// The image says what it is, of which commit.
func TestImageHasLabels(t *testing.T) {
	text := read(t, "Dockerfile")
	last := text[strings.LastIndex(text, "\nFROM "):]
	for _, want := range []string{"ARG VERSION=", "ARG REVISION=", `.version="$VERSION"`, `.revision="$REVISION"`, `.licenses="Apache-2.0"`, ".source=", ".title="} {
		if !strings.Contains(last, want) {
			t.Errorf("the last stage has no %s", want)
		}
	}
}
