package web

import (
	"net/http"
	"strings"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/view"
)

// A Route is one way in, and the role that it takes.
type Route struct {
	Method string // empty: each that no other route of the path has
	Path   string // as [http.ServeMux] has it
	Need   policy.Role
}

// Later reports whether the role may be one for a single service that is known only once the
// request is read; whoever reads it asks again.
func (r Route) Later() bool {
	return (r.Need == policy.Operate || r.Need == policy.Approve) && !strings.Contains(r.Path, "{service}")
}

// changes reports whether something may be changed there.
func (r Route) changes() bool {
	return r.Method != "" && r.Method != http.MethodGet
}

// A route is a Route with what happens there.
type route struct {
	Route
	endpoint
}

// An endpoint answers who may come in, and refuses the others in its own form.
type endpoint struct {
	serve  func(w http.ResponseWriter, r *http.Request, who visitor)
	refuse func(w http.ResponseWriter, p problem)
	op     *Operation // what it is for a program; nil: it is for people
}

// Routes are all ways in. There is no other.
func Routes() []Route {
	var all []Route
	for _, r := range (&server{}).routes() {
		all = append(all, r.Route)
	}
	return all
}

// routes is the one table. The mux is built from it and from nothing else, and a role that is
// none of the policy's is nobody's.
func (s *server) routes() []route {
	const service, target = api.Path + "/releases/{service}", api.Path + "/releases/{service}/{region}"
	const mirror, page = api.Path + "/mirrors/{service}/{region}", "/services/{service}/{region}/{order}"
	return []route{
		{Route{"GET", "/metrics", policy.Metrics}, plainly(s.telemetry)},
		{Route{"GET", "/-/healthy", policy.Metrics}, plainly(healthy)},
		{Route{"GET", "/-/ready", policy.Metrics}, plainly(s.ready)},
		{Route{"POST", "/-/reload", policy.Admin}, plainly(s.reload)},
		{Route{"PUT", "/-/reload", policy.Admin}, plainly(s.reload)},

		{Route{"GET", "/{$}", policy.View}, s.page(s.showDashboard)},
		{Route{"GET", "/live", policy.View}, plainly(s.live)},
		{Route{"GET", "/live.js", policy.View}, plainly(static("live.js"))},
		{Route{"GET", "/records", policy.View}, s.page(s.showRecords)},
		{Route{"GET", "/incidents", policy.View}, s.page(s.showIncidents)},
		{Route{"GET", page, policy.Operate}, formPage(s.page(s.showOrder))},
		{Route{"POST", page, policy.Operate}, formPage(s.page(s.takeOrder))},
		{Route{"GET", "/control", policy.Admin}, formPage(s.page(s.showControl))},
		{Route{"POST", "/control", policy.Admin}, formPage(s.page(s.takeControl))},
		{Route{"GET", "/icon.svg", policy.View}, s.page(static("icon.svg"))},
		{Route{"GET", "/incidents/{id}", policy.View}, s.page(s.incidentPage)},
		{Route{"GET", "/why/{id}", policy.View}, s.page(s.whyPage)},
		{Route{"GET", "/approve/{token}", policy.View}, approvePage(s.page(s.showApproval))},
		{Route{"POST", "/approve/{token}", policy.Approve}, approvePage(s.page(s.takeAnswer))},
		{Route{"", "/", policy.View}, s.page(s.noPage)},

		{Route{"GET", api.Path + "/status", policy.View}, reads(s, api.Client.Status, partOf(s, func(st view.Status) view.Status { return st }))},
		{Route{"GET", api.Path + "/releases", policy.View}, reads(s, api.Client.Releases, partOf(s, func(st view.Status) []record.Release { return st.Releases }))},
		{Route{"GET", target, policy.View}, reads(s, api.Client.Release, s.release)},
		{Route{"GET", target + "/plan", policy.View}, reads(s, api.Client.RampPlan, s.rampPlan)},
		{Route{"GET", target + "/recovery", policy.View}, reads(s, api.Client.Recovery, s.recovery)},
		{Route{"GET", api.Path + "/incidents", policy.View}, reads(s, api.Client.Incidents, partOf(s, func(st view.Status) []record.Incident { return st.Incidents }))},
		{Route{"GET", api.Path + "/incidents/{id}", policy.View}, reads(s, api.Client.Incident, s.incident)},
		{Route{"GET", api.Path + "/incidents/{id}/page", policy.View}, inJSON(s.exported).describes(Operation{Call: api.Client.Page, Kind: "text/html"})},
		{Route{"GET", api.Path + "/incidents/{id}/markdown", policy.View}, inJSON(s.markdown).describes(Operation{Call: api.Client.Markdown, Kind: "text/markdown"})},
		{Route{"GET", api.Path + "/incidents/{id}/followup", policy.View}, inJSON(s.followUp).describes(gives[view.FollowUp](api.Client.FollowUp))},
		{Route{"GET", api.Path + "/approvals/{id}", policy.View}, reads(s, api.Client.Approval, s.approval)},
		{Route{"GET", api.Path + "/why/{id}", policy.View}, reads(s, api.Client.Why, s.why, triggerQuery)},
		{Route{"GET", api.Path + "/flags/{service}/{region}", policy.View}, reads(s, api.Client.ExportFlags, s.exportFlags, formatQuery)},
		{Route{"GET", api.Path + "/orders", policy.View}, reads(s, api.Client.Orders, s.orders, ordersQuery...)},
		{Route{"GET", api.Path + "/control", policy.View}, reads(s, api.Client.Control, partOf(s, func(st view.Status) record.Control { return st.Control }))},
		{Route{"GET", api.Path + "/shadow", policy.View}, reads(s, api.Client.ShadowVerdicts, partOf(s, func(st view.Status) []record.ShadowVerdict { return st.Shadow }))},
		{Route{"GET", api.Path + "/mirrors", policy.View}, reads(s, api.Client.Mirrors, partOf(s, func(st view.Status) []record.Mirror { return st.Mirrors }))},
		{Route{"GET", api.Path + "/doctor", policy.View}, inJSON(s.examine).describes(gives[view.Examination](api.Client.Examine))},

		{Route{"POST", api.Path + "/releases", policy.Operate}, s.ordered(s.start, startQuery...).describes(startOperation())},
		{Route{"POST", service + "/rollback", policy.Operate}, changes(s, api.Client.RollbackAll, s.rollbackAll)},
		{Route{"POST", target + "/rollback", policy.Operate}, changes(s, api.Client.Rollback, withReason(s, Engine.Rollback))},
		{Route{"POST", target + "/promote", policy.Operate}, changes(s, api.Client.Promote, step(s, Engine.Promote))},
		{Route{"POST", target + "/flip", policy.Operate}, changes(s, api.Client.Flip, step(s, Engine.Flip))},
		{Route{"POST", target + "/hold", policy.Operate}, changes(s, api.Client.Hold, withReason(s, Engine.Stop))},
		{Route{"POST", target + "/resume", policy.Operate}, changes(s, api.Client.Resume, withReason(s, Engine.Resume))},
		{Route{"POST", mirror + "/start", policy.Operate}, changes(s, api.Client.StartMirror, s.startMirror)},
		{Route{"POST", mirror + "/stop", policy.Operate}, changes(s, api.Client.StopMirror, withReason(s, Engine.StopMirror))},
		{Route{"POST", api.Path + "/approvals/{id}", policy.Approve}, changes(s, api.Client.Answer, s.answer)},
		{Route{"POST", target + "/release-hold", policy.Admin}, changes(s, api.Client.AcceptSplit, withReason(s, Engine.AcceptSplit))},
		{Route{"POST", target + "/recovery", policy.Admin}, changes(s, api.Client.Recover, s.recoverStore)},
		{Route{"PUT", api.Path + "/control", policy.Admin}, changes(s, api.Client.SetControl, s.setControl)},
		{Route{"POST", api.Path + "/quarantine/{digest}/lift", policy.Admin}, changes(s, api.Client.Lift, s.lift)},
		{Route{"POST", api.Path + "/shadow", policy.Admin}, changes(s, api.Client.RecordShadow, s.recordShadow)},
		{Route{"POST", api.Path + "/doctor/fire", policy.Admin}, s.ordered(s.fire).describes(gives[view.Firing](api.Client.Fire))},
		{Route{"", api.Path + "/", policy.View}, inJSON(noPath)},
	}
}

// mux has the routes of these roles.
func (s *server) mux(roles ...policy.Role) *http.ServeMux {
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		for _, role := range roles {
			if r.Need == role {
				mux.Handle(strings.TrimSpace(r.Method+" "+r.Path), s.guard(r))
			}
		}
	}
	return mux
}

// guard lets in who may come in, and finds out who that is, once for each request.
func (s *server) guard(to route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, refused := s.signIn.who(r)
		if refused == nil {
			refused = s.allow(v, to.Need, r.PathValue("service"), to.Later())
		}
		if refused != nil {
			if to.changes() && refused.code == http.StatusForbidden {
				s.Engine.Refused(v.Caller, attempt(r), refused.text)
			}
			to.refuse(w, *refused)
			return
		}
		if v.file.roles.Have(v.Name, to.Need) {
			v.Role = string(to.Need)
		}
		to.serve(w, r, v)
	})
}

// allow says why somebody may not do what needs a role.
func (s *server) allow(who visitor, need policy.Role, service string, later bool) *problem {
	err := policy.MayAccess(policy.Access{Name: who.Name, How: who.How, Need: need, Service: service, Later: later,
		Roles: who.file.roles, Runbooks: s.Runbooks(), CanSign: who.modes.Any()})
	if err == nil {
		return nil
	}
	refused := who.refuse(err)
	return &refused
}
