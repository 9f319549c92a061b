package runbook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// A Bundle is everything that must move together: model, features and flags. It is
// immutable and named by its digest.
type Bundle struct {
	Schema     int            `yaml:"schema" json:"schema"`
	Model      Model          `yaml:"model" json:"model"`
	Features   Features       `yaml:"features" json:"features"`
	Flags      map[string]any `yaml:"flags" json:"flags,omitempty"`         // values: bool, string, number
	FlagsOff   map[string]any `yaml:"flags_off" json:"flags_off,omitempty"` // what some of Flags are while the bundle is quarantined, see [Bundle.Off]
	Compatible Compatible     `yaml:"compatible" json:"compatible"`
	Config     string         `yaml:"config" json:"config,omitempty"` // digest of further configuration
}

// Model is the served artefact. Image is a reference by digest, name@sha256:<64 hex>;
// a tag alone is refused.
type Model struct {
	Image    string   `yaml:"image" json:"image"`
	Registry Registry `yaml:"registry" json:"registry"`
}

// Registry is the model registry's entry: a version, never an alias or a stage.
type Registry struct {
	Kind    string `yaml:"kind" json:"kind"` // mlflow | wandb | other
	Name    string `yaml:"name" json:"name"`
	Version string `yaml:"version" json:"version"`
	Source  string `yaml:"source" json:"source,omitempty"`
}

// Features is the encoder and pipeline that computed what the model was trained on.
type Features struct {
	Encoder  string `yaml:"encoder" json:"encoder"`
	Pipeline string `yaml:"pipeline" json:"pipeline"` // git:<40 hex> or a digest
	View     string `yaml:"view" json:"view,omitempty"`
}

// Compatible names the encoders this model may be paired with; Features.Encoder must
// be one of them, or the pair is refused.
type Compatible struct {
	Encoders []string `yaml:"encoders" json:"encoders"`
}

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
	oneZero(tree["flags"])
	oneZero(tree["flags_off"])
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if enc.Encode(tree) != nil {
		return nil
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

var (
	// imagePattern is the grammar of distribution/reference, with the digest required:
	// [host[:port]/]path[:tag]@sha256:….
	imagePattern = regexp.MustCompile(`^([a-zA-Z0-9.-]+(:[0-9]+)?/)?` +
		`[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*` +
		`(:[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127})?@sha256:[0-9a-f]{64}$`)
	digestPattern   = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	pipelinePattern = regexp.MustCompile(`^(git:[0-9a-f]{40}|sha256:[0-9a-f]{64})$`)
	versionPattern  = map[string]*regexp.Regexp{
		"mlflow": regexp.MustCompile(`^[1-9][0-9]*$`),
		"wandb":  regexp.MustCompile(`^v[0-9]+$`),
		"other":  regexp.MustCompile(`[0-9]`),
	}
)

// moving are the names that registries let point elsewhere tomorrow.
var moving = []string{
	"latest", "production", "prod", "staging", "stage", "archived", "none", "champion", "challenger",
	"candidate", "canary", "stable", "current", "previous", "default", "best", "release", "main", "master", "head", "dev",
}

func moves(name string) bool { return slices.Contains(moving, strings.ToLower(name)) }

// Check returns [Problems] unless every reference is immutable and model and
// features are a pair.
func (b Bundle) Check() error {
	p := newDecoder("")
	p.lines[""] = 0
	b.check(p, "")
	return p.err()
}

func (b Bundle) check(p *decoder, at string) {
	if b.Schema != 0 && b.Schema != Schema {
		p.add(join(at, "schema"), fmt.Sprintf("%d is not known to this program", b.Schema), "leave it out, or use a newer autorollback")
	}
	b.Model.check(p, join(at, "model"))
	b.checkFeatures(p, at)
	checkFlags(p, join(at, "flags"), b.Flags)
	b.checkFlagsOff(p, join(at, "flags_off"))
	if b.Config != "" && !digestPattern.MatchString(b.Config) {
		p.add(join(at, "config"), fmt.Sprintf("%q is not a digest", b.Config), "write sha256:<64 hex digits>")
	}
}

func (m Model) check(p *decoder, at string) {
	image := at + ".image"
	switch bare, _, digested := strings.Cut(m.Image, "@"); {
	case m.Image == "":
		p.missing(image, "write name@sha256:<64 hex digits>")
	case imagePattern.MatchString(m.Image):
	case digested:
		p.add(image, fmt.Sprintf("%q is not an image digest", m.Image), "write name@sha256:<64 hex digits>")
	default:
		p.add(image, fmt.Sprintf("%q has no digest, and a tag can move", m.Image),
			fmt.Sprintf("write name@sha256:<64 hex digits>; find the digest with `crane digest %s` or `docker buildx imagetools inspect %s`", bare, bare))
	}
	m.Registry.check(p, at+".registry")
}

func (r Registry) check(p *decoder, at string) {
	p.oneOf(at+".kind", r.Kind, "mlflow", "wandb", "other")
	p.need(at+".name", r.Name, "name the registered model")
	pattern := versionPattern[r.Kind]
	switch {
	case r.Version == "":
		p.missing(at+".version", "write the registered version, e.g. 12 for mlflow or v12 for wandb")
	case moves(r.Version):
		p.add(at+".version", fmt.Sprintf("%q is an alias or a stage, and can move", r.Version), "write the version it points to now, e.g. 12 for mlflow or v12 for wandb")
	case pattern != nil && !pattern.MatchString(r.Version):
		p.add(at+".version", fmt.Sprintf("%q is not a version of %s", r.Version, r.Kind), "write a number such as 12 for mlflow, v12 for wandb, for others a name with a number in it")
	}
}

func (b Bundle) checkFeatures(p *decoder, at string) {
	f, encoder := b.Features, join(at, "features.encoder")
	switch {
	case f.Encoder == "":
		p.missing(encoder, "name the encoder's version, e.g. v5: a model runs with the features it was trained on")
	case moves(f.Encoder):
		p.add(encoder, fmt.Sprintf("%q can move", f.Encoder), "write the encoder's version, e.g. v5")
	}
	switch pipeline := join(at, "features.pipeline"); {
	case f.Pipeline == "":
		p.missing(pipeline, "write git:<40 hex digits> or sha256:<64 hex digits>")
	case !pipelinePattern.MatchString(f.Pipeline):
		p.add(pipeline, fmt.Sprintf("%q can move", f.Pipeline), "write git:<40 hex digits> (`git rev-parse HEAD`) or sha256:<64 hex digits>")
	}
	if _, version, _ := strings.Cut(f.View, "@"); moves(version) {
		p.add(join(at, "features.view"), fmt.Sprintf("%q can move", f.View), "write the view's version, e.g. user_stats@v2")
	}
	switch known := join(at, "compatible.encoders"); {
	case len(b.Compatible.Encoders) == 0:
		p.missing(known, "list the encoders that this model may run with")
	case f.Encoder != "" && !slices.Contains(b.Compatible.Encoders, f.Encoder):
		p.add(encoder, fmt.Sprintf("unpaired bundle: encoder %q is not among the model's compatible encoders %q", f.Encoder, b.Compatible.Encoders),
			"deploy the model with an encoder it was trained on, or list this one under compatible.encoders if it was")
	}
}

// Off returns the bundle's flags while it is quarantined, so that a reader which looks at
// nothing but a flag's value gets nothing of this bundle: what FlagsOff says of a flag; or
// else false of a boolean, of any other what the flag of that name and type is in the stable
// bundle, and nothing at all of one that the stable bundle has not.
func (b Bundle) Off(stable Bundle) map[string]any {
	off := map[string]any{}
	for name, value := range b.Flags {
		if _, boolean := value.(bool); boolean {
			off[name] = false
		} else if other, ok := stable.Flags[name]; ok && kindOf(other) == kindOf(value) {
			off[name] = other
		}
	}
	maps.Copy(off, b.FlagsOff)
	return off
}

// oneZero makes -0 zero among flags: it would print as another value.
func oneZero(flags any) {
	tree, _ := flags.(map[string]any)
	for name, value := range tree {
		if value == 0.0 {
			tree[name] = 0.0
		}
	}
}

func checkFlags(p *decoder, at string, flags map[string]any) {
	for _, name := range sortedKeys(flags) {
		path := join(at, name)
		switch v := flags[name].(type) {
		case bool, string:
		case float64:
			if !exact(v) {
				p.add(path, fmt.Sprintf("%v is not a number that JSON keeps exactly", v), "put it in quotes")
			}
		case int:
			if !exact(float64(v)) {
				p.add(path, fmt.Sprintf("%v is not a number that JSON keeps exactly", v), "put it in quotes")
			}
		default:
			p.add(path, fmt.Sprintf("is a %T", v), "write true, false, text or a number")
		}
	}
}

// checkFlagsOff holds every flag to its type, so that a reader's code still finds it, and to
// another value than the bundle's own.
func (b Bundle) checkFlagsOff(p *decoder, at string) {
	checkFlags(p, at, b.FlagsOff)
	for _, name := range sortedKeys(b.FlagsOff) {
		on, ok := b.Flags[name]
		off := b.FlagsOff[name]
		switch path := join(at, name); {
		case !ok:
			p.add(path, "is not a flag of this bundle", "name one of the bundle's flags, or leave it out")
		case kindOf(on) != kindOf(off):
			p.add(path, fmt.Sprintf("is a %s, but the flag is a %s", kindOf(off), kindOf(on)), "write a value of the flag's own type")
		case fmt.Sprint(on) == fmt.Sprint(off):
			p.add(path, fmt.Sprintf("%v is already the flag's value", off), "write the value that turns it off")
		}
	}
}

// kindOf names a flag's type.
func kindOf(value any) string {
	switch value.(type) {
	case bool:
		return "boolean"
	case string:
		return "text"
	}
	return "number"
}
