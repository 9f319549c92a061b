package daemon

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/report/notify"
	"github.com/autorollback/autorollback/secret"
)

// OpenPrometheus is the Prometheus at url, the value of flag. httpConfig is a file in
// Prometheus' form, or empty; allow are the networks it may be in, none: any.
func OpenPrometheus(flag, url, httpConfig string, allow ...netip.Prefix) (*promapi.Client, error) {
	o := outbound.Options{Allow: allow, Redirects: true, Most: promapi.Most, Within: promapi.Within}
	client, err := outbound.Open("prometheus", httpConfig, outbound.Login{}, o)
	if err != nil {
		return nil, err
	}
	prom, err := promapi.New(url, client)
	if err != nil {
		return nil, OptionError{fmt.Errorf("%s: %w", flag, err)}
	}
	return prom, nil
}

// alertmanagerClient posts our messages to the Alertmanagers.
func (d *Daemon) alertmanagerClient(urls []string) (*http.Client, error) {
	for _, url := range urls {
		if _, err := secret.URL(url, "write it into the file of --alertmanager.http-config-file"); err != nil {
			return nil, OptionError{fmt.Errorf("--alertmanager.url: %w", err)}
		}
	}
	return outbound.Open("alertmanager", d.cfg.Messages.AlertmanagerHTTP, outbound.Login{}, outbound.Options{Allow: d.cfg.Allow})
}

// client calls whom no file is for: routers' instances, services, and what doctor finds.
func (d *Daemon) client() *http.Client { return outbound.New(outbound.Options{Allow: d.cfg.Allow}) }

// webhook is where messages go beside Alertmanager; nil: nowhere.
func (d *Daemon) webhook() (*notify.Webhook, error) {
	cfg := d.cfg.Messages
	address, err := cfg.webhookURL()
	if address.Reveal() == "" || err != nil {
		return nil, err
	}
	if cfg.WebhookSecrets == "" {
		return nil, OptionError{errors.New("the webhook needs a signing secret: name --message.webhook-secret-file")}
	}
	text, err := secret.Read(cfg.WebhookSecrets, secret.Group)
	if err != nil {
		return nil, fmt.Errorf("read webhook secrets: %w", err)
	}
	var secrets []secret.Value
	for line := range strings.FieldsSeq(string(text)) {
		secrets = append(secrets, secret.New(line))
	}
	return notify.NewWebhook(address, d.client(), secrets...)
}

// webhookURL stands in an argument if it is no secret, and otherwise in a file.
func (m Messages) webhookURL() (secret.Value, error) {
	const instead = "write the address into a file, and name that with --message.webhook-url-file"
	switch {
	case m.WebhookFile == "" && m.Webhook == "":
		return secret.Value{}, nil
	case m.WebhookFile != "" && m.Webhook != "":
		return secret.Value{}, OptionError{errors.New("--message.webhook-url and --message.webhook-url-file do not go together")}
	case m.WebhookFile != "":
		text, err := secret.Read(m.WebhookFile, secret.Group)
		if err != nil {
			return secret.Value{}, fmt.Errorf("read webhook address: %w", err)
		}
		return secret.New(strings.TrimSpace(string(text))), nil
	}
	u, err := secret.URL(m.Webhook, instead)
	if err == nil && secret.Path(u.Path) {
		err = fmt.Errorf("the path seems to hold a key, which everybody can see in the list of processes: %s", instead)
	}
	if err != nil {
		return secret.Value{}, OptionError{fmt.Errorf("--message.webhook-url: %w", err)}
	}
	return secret.New(m.Webhook), nil
}
