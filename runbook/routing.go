package runbook

// Router names a codec of package actuators.
type Router string

const (
	Traefik Router = "traefik" // Traefik's KV provider: one key per backend's weight
	JSONKey Router = "json"    // one JSON document in one key
)

// Routing says where the service's weights live in the KV store.
type Routing struct {
	Router Router `yaml:"router" json:"router"` // the layout of the keys
	// Root is Traefik's rootKey, default "traefik".
	Root string `yaml:"root,omitempty" json:"root,omitempty"`
	// Service is Traefik's weighted service, at
	// ROOT/http/services/SERVICE/weighted/services/N/{name,weight}.
	Service string `yaml:"service,omitempty" json:"service,omitempty"`
	// Key is the json router's document, e.g. routes/ranker/weights.
	Key string `yaml:"key,omitempty" json:"key,omitempty"`
	// Flags is the prefix, with a trailing slash, under which one JSON document per
	// version holds the flags of the bundle that version serves, e.g. features/ranker/.
	Flags string `yaml:"flags,omitempty" json:"flags,omitempty"`
	// Mirror says how requests are copied to a candidate; left out: the daemon never does.
	Mirror *Mirroring `yaml:"mirror,omitempty" json:"mirror,omitempty"`
}
