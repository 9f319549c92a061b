package daemon

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/autorollback/autorollback/runbook"
)

// A Region is where one region's records, numbers and messages are: an entry of the region file.
// Paths are seen from that file.
type Region struct {
	// Store is the region's Consul, or a file, as --store; the others are as --store.consul-….
	Store      string `yaml:"store"`
	TokenFile  string `yaml:"consul_token_file"`
	Datacenter string `yaml:"consul_datacenter"`
	CAFile     string `yaml:"consul_ca_file"`
	// Prometheus evaluates the rules of this region.
	Prometheus struct {
		URL        string `yaml:"url"`
		HTTPConfig string `yaml:"http_config_file"`
	} `yaml:"prometheus"`
	// Alertmanagers carry the region's messages to the team; none: those of --alertmanager.url.
	Alertmanagers []string `yaml:"alertmanagers"`
}

// Places reads a region file and says what its regions share. No file: all share one store and
// one Prometheus.
func Places(file string) (runbook.Places, error) {
	all, err := readRegions(file)
	if all == nil || err != nil {
		return nil, err
	}
	places := runbook.Places{}
	for name, r := range all {
		places[name] = runbook.Place{Store: r.storeName(), Prometheus: r.prometheusName()}
	}
	return places, nil
}

func (r Region) storeName() string {
	return strings.Join([]string{r.Store, r.Datacenter}, " ")
}

// prometheusName has the file with it: that may name a tenant.
func (r Region) prometheusName() string {
	return strings.Join([]string{r.Prometheus.URL, r.Prometheus.HTTPConfig}, " ")
}

// readRegions reads a region file strictly. No file is no regions.
func readRegions(file string) (map[string]Region, error) {
	if file == "" {
		return nil, nil
	}
	text, err := runbook.ReadFile(file, runbook.MaxFile)
	if err != nil {
		return nil, fmt.Errorf("read region file: %w", err)
	}
	var doc regionFile
	if err := runbook.Decode(file, text, &doc, fixRegions, doc.check); err != nil {
		return nil, fmt.Errorf("read region file: %w", err)
	}
	for name, r := range doc.Regions {
		besides(file, &r.TokenFile, &r.CAFile, &r.Prometheus.HTTPConfig)
		doc.Regions[name] = r
	}
	return doc.Regions, nil
}

// besides makes paths those that the file which names them means: relative ones begin in its folder.
func besides(file string, paths ...*string) {
	for _, path := range paths {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(filepath.Dir(file), *path)
		}
	}
}

// A regionFile is the file of --regions.file.
type regionFile struct {
	Regions map[string]Region `yaml:"regions"`
}

const fixRegions = "write regions: {NAME: {store: …, prometheus: {url: …}}}"

func (f *regionFile) check(note runbook.Check) {
	note.Want(len(f.Regions) > 0, "regions", "it names no region", fixRegions)
	for name, r := range f.Regions {
		at := "regions." + name
		note.Want(runbook.IsRegion(name), at, "is not the name of a region", "use lower-case letters, digits and dashes, 63 at most, not starting with a dash")
		note.Want(r.Store != "", at+".store", "is missing", "name its store: consul://HOST:PORT")
		note.Want(r.Prometheus.URL != "", at+".prometheus.url", "is missing", "name its Prometheus: prometheus: {url: http://…}")
	}
}

// regions are those of the region file, or the one that the flags name, which has no name.
func (c Config) regions() (map[string]Region, error) {
	all, err := readRegions(c.RegionsFile)
	switch {
	case err != nil:
		return nil, err
	case all != nil && c.Prometheus.URL != "":
		return nil, OptionError{errors.New("--prometheus.url and --regions.file do not go together: the file names each region's Prometheus, and its store")}
	case all != nil:
		return all, nil
	case c.Prometheus.URL == "":
		return nil, OptionError{errors.New("name the Prometheus that evaluates the generated rules, --prometheus.url, or a file of regions, --regions.file")}
	}
	one := Region{Store: c.Store, TokenFile: c.Consul.TokenFile, Datacenter: c.Consul.Datacenter, CAFile: c.Consul.CAFile}
	one.Prometheus.URL, one.Prometheus.HTTPConfig = c.Prometheus.URL, c.Prometheus.HTTPConfig
	return map[string]Region{"": one}, nil
}

// alertmanagers of a region.
func (c Config) alertmanagers(r Region) []string {
	if len(r.Alertmanagers) > 0 {
		return r.Alertmanagers
	}
	return c.Messages.Alertmanagers
}

// storeOf is the configuration by which a region's store is opened.
func (c Config) storeOf(r Region) Config {
	c.Store, c.Consul.TokenFile, c.Consul.Datacenter, c.Consul.CAFile = r.Store, r.TokenFile, r.Datacenter, r.CAFile
	return c
}
