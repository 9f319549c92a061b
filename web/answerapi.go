package web

import (
	"context"
	"net/http"
	"time"
)

// answer is the command line's twin of the page. Where nobody can sign in, it needs
// the link's token: holding the link is then all there is to know of a person.
func (s *server) answer(ctx context.Context, r *http.Request, who Identity) (any, error) {
	var in Decision
	if err := order(r, &in); err != nil {
		return nil, err
	}
	a, err := s.Approvals.Approval(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if !who.Known() || in.Token != "" {
		claims, err := s.Tokens.Verify(in.Token, time.Now())
		if err == nil {
			err = claims.Match(a)
		}
		if err != nil {
			return nil, bad{http.StatusForbidden, "nobody can sign in here, so the link itself is needed: " + err.Error()}
		}
	}
	if !who.Known() {
		who = Identity{Name: linkHolder, How: LinkOnly}
	}
	if p := s.mayAnswer(a, in, who); p != nil {
		return nil, bad{p.code, p.text}
	}
	return s.Approvals.Answer(ctx, a.ID, in.Decision == "approve", who.Name, who.How, plain(in.Reason))
}

// linkHolder is what somebody is called of whom only the link is known.
const linkHolder = "holder of the link"
