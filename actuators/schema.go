package actuators

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// schema is what Traefik 3.6 and 3.7 know under http/ for routers and services, read in their
// pkg/config/dynamic/http_config.go: * is any name, # any child of a list. Leaves are
// text, int, bool, duration, list (comma-separated or numbered) or any (not looked
// into); empty may stand without a child. Behind them is the version that knows them first.
const schema = `
http/routers/*/entrypoints list
http/routers/*/middlewares list
http/routers/*/parentrefs list
http/routers/*/service text
http/routers/*/rule text
http/routers/*/rulesyntax text
http/routers/*/priority int
http/routers/*/tls empty
http/routers/*/tls/options text
http/routers/*/tls/certresolver text
http/routers/*/tls/domains/#/main text
http/routers/*/tls/domains/#/sans list
http/routers/*/observability/accesslogs bool
http/routers/*/observability/metrics bool
http/routers/*/observability/tracing bool
http/routers/*/observability/traceverbosity text
http/routers/*/defaultrule bool
http/routers/*/deniedencodedpathcharacters any
http/services/*/loadbalancer/servers/#/url text
http/services/*/loadbalancer/servers/#/weight int
http/services/*/loadbalancer/servers/#/preservepath bool
http/services/*/loadbalancer/servers/#/fenced any
http/services/*/loadbalancer/servers/#/scheme any
http/services/*/loadbalancer/servers/#/port any
http/services/*/loadbalancer/sticky empty
http/services/*/loadbalancer/sticky/cookie empty
http/services/*/loadbalancer/sticky/cookie/name text
http/services/*/loadbalancer/sticky/cookie/secure bool
http/services/*/loadbalancer/sticky/cookie/httponly bool
http/services/*/loadbalancer/sticky/cookie/samesite text
http/services/*/loadbalancer/sticky/cookie/maxage int
http/services/*/loadbalancer/sticky/cookie/path text
http/services/*/loadbalancer/sticky/cookie/domain text
http/services/*/loadbalancer/strategy text
http/services/*/loadbalancer/healthcheck/scheme text
http/services/*/loadbalancer/healthcheck/mode text
http/services/*/loadbalancer/healthcheck/path text
http/services/*/loadbalancer/healthcheck/method text
http/services/*/loadbalancer/healthcheck/status int
http/services/*/loadbalancer/healthcheck/port int
http/services/*/loadbalancer/healthcheck/interval duration
http/services/*/loadbalancer/healthcheck/unhealthyinterval duration
http/services/*/loadbalancer/healthcheck/timeout duration
http/services/*/loadbalancer/healthcheck/hostname text
http/services/*/loadbalancer/healthcheck/followredirects bool
http/services/*/loadbalancer/healthcheck/headers/* text
http/services/*/loadbalancer/passivehealthcheck/failurewindow duration
http/services/*/loadbalancer/passivehealthcheck/maxfailedattempts int
http/services/*/loadbalancer/passhostheader bool
http/services/*/loadbalancer/responseforwarding/flushinterval duration
http/services/*/loadbalancer/serverstransport text
http/services/*/weighted/services/#/name text
http/services/*/weighted/services/#/weight int
http/services/*/weighted/services/#/headers/* text
http/services/*/weighted/services/#/status int
http/services/*/weighted/services/#/grpcstatus any
http/services/*/weighted/sticky/cookie empty
http/services/*/weighted/sticky/cookie/name text
http/services/*/weighted/sticky/cookie/secure bool
http/services/*/weighted/sticky/cookie/httponly bool
http/services/*/weighted/sticky/cookie/samesite text
http/services/*/weighted/sticky/cookie/maxage int
http/services/*/weighted/sticky/cookie/path text
http/services/*/weighted/sticky/cookie/domain text
http/services/*/weighted/healthcheck empty
http/services/*/highestrandomweight/services/#/name text
http/services/*/highestrandomweight/services/#/weight int
http/services/*/highestrandomweight/healthcheck empty
http/services/*/mirroring/service text
http/services/*/mirroring/mirrorbody bool
http/services/*/mirroring/maxbodysize int
http/services/*/mirroring/mirrors/#/name text
http/services/*/mirroring/mirrors/#/percent int
http/services/*/mirroring/healthcheck empty
http/services/*/failover/service text
http/services/*/failover/fallback text
http/services/*/failover/healthcheck any
http/services/*/failover/errors/maxrequestbodybytes int 3.7
http/services/*/failover/errors/status list 3.7
http/services/*/middlewares list 3.7
http/middlewares/* any
http/models/* any
http/serverstransports/* any
tcp any
udp any
tls any
`

// shape is a node of the schema. A kind of "" is a folder.
type shape struct {
	kind  string
	since string // the version that knows it first; empty: 3.6 or before
	parts map[string]*shape
}

func knownShape() *shape {
	root := &shape{}
	for line := range strings.Lines(schema) {
		path, kind, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			continue
		}
		kind, since, _ := strings.Cut(kind, " ")
		at := root
		for part := range strings.SplitSeq(path, "/") {
			if at.parts == nil {
				at.parts = map[string]*shape{}
			}
			if at.parts[part] == nil {
				at.parts[part] = &shape{}
			}
			at = at.parts[part]
		}
		at.kind, at.since = kind, since
	}
	return root
}

// find walks down the fragments. It returns the shape at the end, or nil and how many
// fragments were known.
func (s *shape) find(parts []string) (*shape, int) {
	for i, part := range parts {
		if s.kind == "any" {
			return s, i
		}
		if s.kind == "list" {
			if _, err := strconv.Atoi(part); err == nil && i == len(parts)-1 {
				return s, len(parts)
			}
			return nil, i
		}
		next := s.parts[fold(part)]
		for _, wild := range []string{"*", "#"} {
			if next == nil {
				next = s.parts[wild]
			}
		}
		if next == nil {
			return nil, i
		}
		s = next
	}
	return s, len(parts)
}

// folder is the shape that the last fragment is looked up in; empty if there is none.
func (s *shape) folder(parts []string) *shape {
	if above, n := s.find(parts[:len(parts)-1]); above != nil && n == len(parts)-1 {
		return above
	}
	return &shape{}
}

// nearest is the known name that a mistyped one was probably meant to be, or "".
func (s *shape) nearest(part string) string {
	best, least := "", 3
	for name := range s.parts {
		if d := distance(fold(part), name); d < least || d == least && name < best {
			best, least = name, d
		}
	}
	return best
}

// distance is the least number of letters to add, drop, change or swap with their
// neighbour.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = slices.Min([]int{rows[i-1][j] + 1, rows[i][j-1] + 1, rows[i-1][j-1] + cost})
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// reads reports whether Traefik can read the value as that kind.
func reads(kind, value string) bool {
	switch kind {
	case "int":
		_, err := strconv.ParseInt(value, 10, 64)
		return err == nil
	case "bool":
		_, err := strconv.ParseBool(value)
		return err == nil
	case "duration":
		_, number := strconv.ParseInt(value, 10, 64)
		_, words := time.ParseDuration(value)
		return number == nil || words == nil
	}
	return true
}
