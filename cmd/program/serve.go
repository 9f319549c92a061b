package program

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kingpin/v2"
	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/daemon"
)

func serveCommand(version string) cli.Declare {
	return func(app *kingpin.Application, c cli.Console) map[string]cli.Action {
		return declareServe(app, c, version)
	}
}

func declareServe(app *kingpin.Application, c cli.Console, version string) map[string]cli.Action {
	cfg := daemon.Config{Version: version}
	cmd := app.Command("serve", "Run the daemon. Example: autorollback serve --runbooks runbooks/ --store consul://127.0.0.1:8500 --prometheus.url http://localhost:9090 --receiver.token-file receiver.token --web.config.file web.yml --web.roles.file roles.yml")
	cmd.Flag("runbooks", "Runbook file or folder; may be repeated.").Required().StringsVar(&cfg.Runbooks)
	cmd.Flag("store", "file:PATH (one machine), or consul://HOST:PORT or consul+https://HOST:PORT.").Default("file:autorollback.db").StringVar(&cfg.Store)
	cmd.Flag("store.consul-token-file", "File with the Consul ACL token.").StringVar(&cfg.Consul.TokenFile)
	cmd.Flag("store.consul-datacenter", "Consul datacenter; default: the agent's own.").StringVar(&cfg.Consul.Datacenter)
	cmd.Flag("store.consul-ca-file", "CA certificates for Consul.").StringVar(&cfg.Consul.CAFile)
	cmd.Flag("regions.file", "Where each region's store and Prometheus are, in place of --store and --prometheus.url; see docs/regions.md.").StringVar(&cfg.RegionsFile)
	cmd.Flag("replica", "Name of this process in claims; default: host name and process id.").StringVar(&cfg.Replica)
	cmd.Flag("prometheus.url", "The Prometheus that evaluates the generated rules; needed without --regions.file.").StringVar(&cfg.Prometheus.URL)
	cli.HTTPConfigFlag(cmd, &cfg.Prometheus.HTTPConfig)
	cmd.Flag("prometheus.timeout", "For all queries of one confirmation together.").Default("2s").DurationVar(&cfg.Prometheus.Timeout)
	cmd.Flag("receiver.listen-address", "Where Alertmanager calls.").Default(":9096").StringVar(&cfg.Receiver.Listen)
	cmd.Flag("receiver.token-file", "Valid bearer tokens, one per line, at least 32 bytes each.").StringVar(&cfg.Receiver.TokenFile)
	cmd.Flag("receiver.tls-cert-file", "The receiver's certificate.").StringVar(&cfg.Receiver.TLS.Cert)
	cmd.Flag("receiver.tls-key-file", "The receiver's key.").StringVar(&cfg.Receiver.TLS.Key)
	cmd.Flag("receiver.tls-client-ca-file", "Demand a client certificate of this CA.").StringVar(&cfg.Receiver.TLS.ClientCA)
	cmd.Flag("receiver.tls-client-allowed-san", "Allow only this subject alternative name; may be repeated.").StringsVar(&cfg.Receiver.TLS.Allowed)
	cmd.Flag("web.listen-address", "Where people and the command line call.").Default(":9095").StringVar(&cfg.Web.Listen)
	cmd.Flag("web.config.file", "TLS, basic authentication and client certificates in exporter-toolkit's form.").StringVar(&cfg.Web.ConfigFile)
	cmd.Flag("web.roles.file", "Who may do what: the names of the people who have the roles metrics, view, operate, approve and admin, and the proxy that may sign people in; see docs/roles.md. Without it whoever signs in may look, and runbooks name the people of their services.").StringVar(&cfg.Web.RolesFile)
	cmd.Flag("web.external-url", "The address people reach us at; links are made of it.").StringVar(&cfg.Web.External)
	cmd.Flag("web.insecure-no-auth", "Without authentication: let everybody who has the link approve, and everybody use the API. Recorded as link_only and unauthenticated. For trying things out; not together with --web.roles.file.").BoolVar(&cfg.Web.LinkOnly)
	cmd.Flag("metrics.listen-address", "A listener of its own for /metrics, /-/healthy and /-/ready, which are at --web.listen-address as well; default: none.").StringVar(&cfg.Metrics.Listen)
	cmd.Flag("metrics.config.file", "TLS, basic authentication and client certificates for that, in exporter-toolkit's form.").StringVar(&cfg.Metrics.ConfigFile)
	cmd.Flag("ofrep.listen-address", "Where machines read flags: OpenFeature's remote evaluation protocol, and documents for flagd and go-feature-flag; default: nowhere.").StringVar(&cfg.OFREP.Listen)
	cmd.Flag("ofrep.token-file", "Valid bearer tokens for that, one per line, at least 32 bytes each; made if it does not exist.").StringVar(&cfg.OFREP.TokenFile)
	cmd.Flag("ofrep.config.file", "TLS for that, in exporter-toolkit's form.").StringVar(&cfg.OFREP.ConfigFile)
	cmd.Flag("approval.key-file", "Keys that sign approval links, shared by all replicas; made if it does not exist.").Default("autorollback.keys").StringVar(&cfg.Keys)
	cmd.Flag("evidence.path", "Folder for evidence and incident pages.").Default("incidents").StringVar(&cfg.Evidence)
	cmd.Flag("evidence.archive", "Copy sealed evidence to this folder or bucket, and read it back: file:///FOLDER, s3://BUCKET?region=…, gs://BUCKET or azblob://CONTAINER; see docs/archive.md. Default: nowhere.").StringVar(&cfg.Archive.URL)
	cmd.Flag("evidence.keep-local", "Remove folders from --evidence.path that are in the archive and whose incident was closed so long ago, e.g. 30d; default: never.").SetValue((*span)(&cfg.Archive.Local))
	cmd.Flag("evidence.remove-at", "When that is done, as cron's five fields, in UTC.").Default("0 4 * * *").StringVar(&cfg.Archive.RemoveAt)
	cmd.Flag("images.hold", "After a rollback give both images a tag in their registry, autorollback-INCIDENT-…, so that its garbage collection keeps them.").BoolVar(&cfg.Images.Hold)
	cmd.Flag("images.check", "Start no release whose images are not in their registry.").BoolVar(&cfg.Images.Check)
	cmd.Flag("keeper.path", "The helper program that archives evidence and asks registries; default: autorollback-keeper beside this program.").StringVar(&cfg.Keeper)
	cmd.Flag("evidence.allow-commands", "Let runbooks name programs that are run, as the daemon's user, for samples and logs of an incident; see docs/security.md.").BoolVar(&cfg.Commands)
	cmd.Flag("journal.file", "The hash-chained journal; default: journal.jsonl in the evidence folder.").StringVar(&cfg.Journal)
	cmd.Flag("journal.signing-key-file", "An ed25519 key of OpenSSH, without a passphrase, that signs the journal's heads; its public part is for audit verify --key.").StringVar(&cfg.SigningKey)
	cmd.Flag("alertmanager.url", "Alertmanager that carries our messages to the team; may be repeated.").StringsVar(&cfg.Messages.Alertmanagers)
	cmd.Flag("alertmanager.http-config-file", "HTTP client configuration (authentication, headers, TLS) for it in Prometheus' form.").StringVar(&cfg.Messages.AlertmanagerHTTP)
	cmd.Flag("message.webhook-url", "Also send messages to this address, signed as Standard Webhooks says.").StringVar(&cfg.Messages.Webhook)
	cmd.Flag("message.webhook-url-file", "The same, in a file: an address with a key in its path is a secret.").StringVar(&cfg.Messages.WebhookFile)
	cmd.Flag("message.webhook-secret-file", "Its signing secrets, whsec_…, one per line.").StringVar(&cfg.Messages.WebhookSecrets)
	cmd.Flag("message.sinks-file", "Slack, Teams and mail that messages go to as well; a runbook's communication.sinks picks among them. See docs/messages.md.").StringVar(&cfg.Messages.Sinks)
	cmd.Flag("outbound.allow", "Call addresses of this network only, e.g. 10.0.0.0/8; may be repeated. Default: any but link-local, multicast and metadata addresses, which are never called.").SetValue((*networks)(&cfg.Allow))
	cmd.Flag("watch.interval", "How often the watcher asks Prometheus about significant triggers (negative disables it).").Default("5s").DurationVar(&cfg.WatchEvery)
	cmd.Flag("reconcile.interval", "Reconcile interval.").Default("5s").DurationVar(&cfg.ReconcileEvery)
	cmd.Flag("rules.interval", "How often to compare the rules that Prometheus has loaded with the runbooks (negative disables it).").Default("10m").DurationVar(&cfg.RulesEvery)
	cmd.Flag("control.two-people", "To set the control mode to paused or observe takes two people who have signed in; to set it to active takes one.").BoolVar(&cfg.ControlByTwo)
	cmd.Flag("log.level", "debug, info, warn or error.").Default("info").EnumVar(&cfg.LogLevel, "debug", "info", "warn", "error")
	cmd.Flag("log.format", "json or console.").Default("json").EnumVar(&cfg.LogFormat, "json", "console")
	return map[string]cli.Action{cmd.FullCommand(): func(ctx context.Context) error {
		log, err := daemon.NewLog(cfg, c.Err)
		if err != nil {
			return err
		}
		defer func() { _ = log.Sync() }() // standard error cannot always be synced
		reload := make(chan os.Signal, 1)
		signal.Notify(reload, syscall.SIGHUP)
		defer signal.Stop(reload)
		return daemon.Serve(ctx, cfg, log, reload)
	}}
}
