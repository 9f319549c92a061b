package runbook

// A Bundle is everything that must move together: model, features and flags. It is
// immutable and named by its digest.
type Bundle struct {
	Schema     int            `yaml:"schema" json:"schema"`
	Model      Model          `yaml:"model" json:"model"`
	Features   Features       `yaml:"features" json:"features"`
	Flags      map[string]any `yaml:"flags" json:"flags,omitempty"` // values: bool, string, number
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
