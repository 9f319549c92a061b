// Package templates holds the runbook templates; their comments are the
// documentation of the runbook format. It embeds files and puts a service's name
// into them; it knows nothing of what they mean.
package templates

import (
	"bytes"
	"embed"
	"fmt"
	"regexp"
	"strings"
)

//go:embed *.yaml metrics/*.yaml
var files embed.FS

// placeholder is the service's name in every template: a valid name, so that the
// files themselves are valid runbooks.
const placeholder = "my-service"

var name = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// Kinds are the templates there are.
func Kinds() []string { return []string{"canary", "canary-from-5", "bluegreen", "shadow"} }

// New returns the runbook template of that kind for the service, ready to be edited.
// The service must match ^[a-z0-9][a-z0-9-]{0,62}$.
func New(kind, service string) ([]byte, error) { return NewWith(kind, service, "") }

// NewWith is [New] with what the recipe of that name knows of the service's metrics.
func NewWith(kind, service, recipe string) ([]byte, error) {
	if !name.MatchString(service) {
		return nil, fmt.Errorf("service %q: use lower-case letters, digits and dashes, 63 at most, not starting with a dash", service)
	}
	text, err := files.ReadFile(kind + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("no template %q: there are %s", kind, strings.Join(Kinds(), ", "))
	}
	if recipe != "" {
		known := fragment(recipe)
		if known == "" {
			return nil, fmt.Errorf("no recipe for the metrics of %q; there are %s; --metrics help describes them", recipe, strings.Join(Recipes(), ", "))
		}
		text = []byte(splice(string(text), known))
	}
	return bytes.ReplaceAll(text, []byte(placeholder), []byte(service)), nil
}
