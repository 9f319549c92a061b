package runbook

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/prometheus/common/model"
)

// Communication says where messages go.
type Communication struct {
	Channel string            `yaml:"channel" json:"channel"` // named in messages and on pages; default owner.contact
	Labels  map[string]string `yaml:"labels" json:"labels"`   // put on the alerts that carry our messages, so that your Alertmanager routes pick the receiver
	// RunbookURL is put as runbook_url on every alert of the service, as pagers and dashboards show it:
	// an absolute http or https address. Left out: the alerts have none.
	RunbookURL string `yaml:"runbook_url,omitempty" json:"runbook_url,omitempty"`

	Sinks []string `yaml:"sinks" json:"sinks,omitempty"` // names in the daemon's file of sinks (Slack, Teams, mail) that get this service's messages; default all of them
}

func (c Communication) check(p *decoder) {
	for name := range c.Labels {
		if !model.LegacyValidation.IsValidLabelName(name) {
			p.add("communication.labels."+name, quoted(name)+" is not a label name", "use letters, digits and underscores")
		}
	}
	for i, name := range c.Sinks {
		if !IsRegion(name) {
			p.add(fmt.Sprintf("communication.sinks[%d]", i), quoted(name)+" is not the name of a sink", "use a name of the file of --message.sinks-file: lower-case letters, digits and dashes")
		}
	}
	if c.RunbookURL != "" && !isPage(c.RunbookURL) {
		p.add("communication.runbook_url", quoted(c.RunbookURL)+" is not the address of a page", "write an absolute http or https address, without {{ and spaces")
	}
}

// isPage is true of an address that a browser opens, and that Prometheus does not read as a template.
func isPage(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil &&
		!strings.Contains(address, "{{") && !strings.ContainsAny(address, " \t\r\n\"<>")
}
