package mixin

// The names of panels' kinds as Grafana has them.
const (
	lines   = "timeseries"
	numbers = "stat"
	table   = "table"
)

const (
	columns = 24 // of Grafana's grid
	high    = 7
	low     = 4
)

// A row of a table of panels. A limit colours what is on its bad side.
type row struct {
	kind, title, help, unit string
	width                   int
	limit                   *limit
	queries                 []query
}

type query struct{ expr, legend string }

// one is a panel's only query.
func one(expr, legend string) []query { return []query{{expr, legend}} }

type limit struct {
	at    float64
	below bool // what is below is bad; otherwise what is at the limit and above
}

func bad(at float64) *limit  { return &limit{at: at} }
func good(at float64) *limit { return &limit{at: at, below: true} }

// Dashboards are all of them, by the name of their file.
func Dashboards() map[string]Dashboard {
	return map[string]Dashboard{"release.json": release(), "fleet.json": fleet(), "self.json": self()}
}

var prometheus = source{"prometheus", "${datasource}"}

// dashboard lays the panels out in the order of the table.
func dashboard(name, title, help string, choices []Variable, rows []row) Dashboard {
	d := Dashboard{UID: "autorollback-" + name, Title: title, Description: help, Tags: []string{"autorollback"}, SchemaVersion: 39,
		Editable: true, GraphTooltip: 1, Refresh: "10s", Time: span{"now-1h", "now"},
		Links:      []link{{Type: "dashboards", Title: "autorollback", Tags: []string{"autorollback"}, IncludeVars: true, KeepTime: true}},
		Templating: templating{append([]Variable{{Name: "datasource", Label: "Prometheus", Type: "datasource", Query: "prometheus", Refresh: 1}}, choices...)}}
	x, y, height := 0, 0, 0
	for i, r := range rows {
		if x+r.width > columns {
			x, y, height = 0, y+height, 0
		}
		p := r.panel()
		p.ID, p.GridPos.X, p.GridPos.Y = i+1, x, y
		x, height = x+r.width, max(height, p.GridPos.H)
		d.Panels = append(d.Panels, p)
	}
	return d
}

// choice is a variable with the values of a label; all of them to begin with, if many may be chosen.
func choice(name, label, metric string, many bool) Variable {
	v := Variable{Name: name, Label: label, Type: "query", Query: "label_values(" + metric + ", " + name + ")", Datasource: &prometheus, Refresh: 2, Sort: 1}
	if many {
		v.IncludeAll, v.AllValue, v.Multi = true, ".*", true
	}
	return v
}

func (r row) panel() Panel {
	zero := 0.0
	p := Panel{Type: r.kind, Title: r.title, Description: r.help, Datasource: prometheus, GridPos: gridPos{H: high, W: r.width},
		FieldConfig: fieldConfig{Defaults: defaults{Unit: r.unit, Thresholds: r.limit.thresholds()}, Overrides: []struct{}{}}}
	switch r.kind {
	case numbers:
		p.GridPos.H, p.Options = low, &options{ColorMode: "value", TextMode: "value_and_name"}
	case lines:
		p.FieldConfig.Defaults.Min = &zero
		if r.limit != nil {
			p.FieldConfig.Defaults.Custom = &custom{thresholdsStyle{"line"}}
		}
	}
	for i, q := range r.queries {
		t := Target{RefID: string(rune('A' + i)), Expr: q.expr, LegendFormat: q.legend, Instant: r.kind != lines}
		if r.kind == table {
			t.Format = "table"
		}
		p.Targets = append(p.Targets, t)
	}
	return p
}

func (l *limit) thresholds() *thresholds {
	if l == nil {
		return nil
	}
	colors := [2]string{"green", "red"}
	if l.below {
		colors = [2]string{"red", "green"}
	}
	return &thresholds{"absolute", []step{{nil, colors[0]}, {&l.at, colors[1]}}}
}
