package web

import (
	"bytes"
	"context"
	"encoding/json"
	"html/template"
	"net/http"
	"time"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/web/cards"
)

const (
	maxListeners = 64                // streams of news at the same time
	liveEvery    = 2 * time.Second   // between two looks
	heartbeat    = 15 * time.Second  // something is said at least so often
	liveWithin   = 10 * time.Second  // for one piece of news to be read
	liveFor      = 600 * time.Second // then the browser comes again, and is asked again who it is
)

// stopping is where a request finds the end of its server, see [Serve]: what has no end of its own ends with it.
type stopping struct{}

// live tells a page what has changed of it, until the reader leaves, the server stops, or it has lasted long
// enough. Without it the page is what it was when it was loaded.
func (s *server) live(w http.ResponseWriter, r *http.Request, who visitor) {
	select {
	case s.listeners <- struct{}{}:
		defer func() { <-s.listeners }()
	default:
		p := problem{code: http.StatusServiceUnavailable, kind: api.Later, text: "too many listen already; reload the page instead", retry: time.Minute}
		p.headers(w)
		sentence(w, p.code, p.text)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), liveFor)
	defer cancel()
	l := listener{server: s, out: http.NewResponseController(w), w: w, told: map[string]string{}}
	l.end, _ = ctx.Value(stopping{}).(<-chan struct{})
	w.Header().Set("Content-Type", "text/event-stream")
	if l.out.SetReadDeadline(time.Time{}) != nil || !l.say("retry: 3000\n\n") {
		return
	}
	l.listen(ctx, looked(r), who)
}

// A listener is one page that is told what has changed of it.
type listener struct {
	*server
	w    http.ResponseWriter
	out  *http.ResponseController
	end  <-chan struct{}   // closed when the server stops; nil: never
	told map[string]string // what stands in the page, by the element's id
	said time.Time
}

func (l *listener) listen(ctx context.Context, q cards.Query, who visitor) {
	look := time.NewTicker(liveEvery)
	defer look.Stop()
	for l.news(ctx, q, who) {
		select {
		case <-ctx.Done():
			return
		case <-l.end:
			return
		case <-look.C:
		}
	}
}

// news tells what has changed; false: nobody reads it any more.
func (l *listener) news(ctx context.Context, q cards.Query, who visitor) bool {
	d, err := l.view(ctx, q, who, time.Time{})
	if err != nil {
		return ctx.Err() == nil && l.part(part{"news", `<span id="news" class="problem">Not up to date: ` + template.HTMLEscapeString(err.Error()) + `</span>`})
	}
	parts := []part{{"news", `<span id="news" class="none">Live.</span>`}, l.made("above", d), l.made("chips", d), l.made("pages", d)}
	order, each := "", []part{}
	for _, c := range d.Cards {
		order += c.ID() + " "
		each = append(each, part{c.ID(), l.html("card", c)})
	}
	if l.told["order"] == order && order != "" {
		return l.all(append(parts, each...))
	}
	l.told = map[string]string{"order": order, "news": l.told["news"], "above": l.told["above"], "chips": l.told["chips"], "pages": l.told["pages"]}
	for _, p := range each { // they are in the list
		l.told[p.id] = p.html
	}
	return l.all(append(parts, l.made("cards", d)))
}

// A part is one element of the page.
type part struct{ id, html string }

func (l *listener) made(id string, d dashboard) part { return part{id, l.html(id, d)} }

func (l *listener) html(name string, data any) string {
	var text bytes.Buffer
	if err := templates.ExecuteTemplate(&text, name, data); err != nil {
		return ""
	}
	return text.String()
}

func (l *listener) all(parts []part) bool {
	for _, p := range parts {
		if !l.part(p) {
			return false
		}
	}
	return time.Since(l.said) < heartbeat || l.say(": still here\n\n")
}

// part tells of an element, if it is not as it was.
func (l *listener) part(p part) bool {
	if p.html == "" || l.told[p.id] == p.html {
		return true
	}
	l.told[p.id] = p.html
	text, err := json.Marshal(map[string]string{"id": p.id, "html": p.html})
	return err == nil && l.say("data: "+string(text)+"\n\n")
}

// say writes, and reports whether somebody still reads.
func (l *listener) say(text string) bool {
	l.said = time.Now()
	if l.out.SetWriteDeadline(l.said.Add(liveWithin)) != nil {
		return false
	}
	_, err := l.w.Write([]byte(text))
	return err == nil && l.out.Flush() == nil
}
