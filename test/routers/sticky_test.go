package routers

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/servers"
	"github.com/autorollback/autorollback/test/sim"
	"github.com/autorollback/autorollback/test/users"
)

const (
	crowd = 10_000    // users who take part, each with one request at each step
	many  = 2_000_000 // users that a hash alone divides: at a half, chance is 0.035 points
)

// ramp is the candidate's share at each step; then it is rolled back.
var ramp = []runbook.Weight{0.1, 1, 5, 25, 50}

// bucketed are the routers that divide users by a hash, which is the part of all users that
// one is in, from 0 to 100: those below the candidate's share are the candidate's.
var bucketed = []struct {
	kind
	part func(*users.User) float64
}{
	{kinds[0], haproxyPart}, {kinds[1], haproxyPart}, {kinds[2], nginxPart},
	{kind{"Traefik by address", traefikHashed, false}, traefikPart},
}

// While the candidate's share rises, users of the added share come to it and nobody leaves;
// after a rollback nobody is there. Each user is where the hash alone says.
func TestUsersKeepTheirSide(t *testing.T) {
	servers.NotShort(t)
	for _, k := range bucketed {
		t.Run(k.name, func(t *testing.T) {
			p := k.open(newWorld(t))
			p.serves(rolledBack)
			people := newcomers(crowd)
			if p.byAddr {
				people = people[:sim.Size(crowd, crowd/5, crowd/5)] // each request is a connection
			}
			before := p.sides(people)
			for _, share := range append(ramp, 0) {
				p.moveTo(share)
				sides := p.sides(people)
				moved, added := differ(before, sides), count(candidate, sides)-count(candidate, before)
				wrong := moved - max(added, -added)
				if wrong != 0 {
					t.Errorf("at %s %%: %d users changed their side, and the share grew by %d", share, moved, added)
				}
				for i, u := range people {
					if is, want := sides[i] == candidate, k.part(u) < float64(share); is != want {
						t.Fatalf("at %s %%: %s is at %s, and the hash says part %g", share, u.ID, sides[i], k.part(u))
					}
				}
				t.Logf("| %s | %s %% | %d of %d, by chance ± %.0f | %d moved, %d of them beside the added share |", k.name, share,
					count(candidate, sides), len(people), sampling(share, len(people)), moved, wrong)
				before = sides
			}
			if n := count(candidate, before); n != 0 {
				t.Errorf("%d users are at the candidate after the rollback", n)
			}
		})
	}
}

// What a share gets is off by chance among 10,000 users. The hash itself is not, over
// many more.
func TestTheHashGivesTheShare(t *testing.T) {
	for name, part := range map[string]func(*users.User) float64{"HAProxy": haproxyPart, "nginx": nginxPart, "Traefik": traefikPart} {
		at := make([]int, len(ramp))
		for i := range many {
			u := &users.User{ID: "user-" + strconv.Itoa(i), Number: i}
			p := part(u)
			for j, share := range ramp {
				if p < float64(share) {
					at[j]++
				}
			}
		}
		for j, share := range ramp {
			got := 100 * float64(at[j]) / many
			t.Logf("%s at %s %%: %.3f %%", name, share, got)
			if math.Abs(got-float64(share)) > 0.1 {
				t.Errorf("%s at %s %%: %.3f %% of the users are at the candidate", name, share, got)
			}
		}
	}
}

// Traefik's cookie keeps a user where the first request went, so who was served before the
// release stays at the stable version: a share is one of new users. A rollback moves all.
func TestTraefiksCookieKeepsWhoIsKnown(t *testing.T) {
	servers.NotShort(t)
	p := traefik(newWorld(t), 0)
	p.serves(rolledBack)
	known := newcomers(1000)
	p.sides(known)
	for _, share := range ramp {
		p.moveTo(share)
		if n := count(candidate, p.sides(known)); n != 0 {
			t.Errorf("at %s %%: %d of 1000 known users came to the candidate", share, n)
		}
		met := newcomers(1000)
		sides := p.sides(met)
		if n := count(candidate, sides); n != int(10*share) {
			t.Errorf("at %s %%: %d of 1000 new users came to the candidate", share, n)
		}
		if n := differ(sides, p.sides(met)); n != 0 {
			t.Errorf("at %s %%: %d of 1000 users changed their side from one request to the next", share, n)
		}
		p.moveTo(0)
		if n := count(candidate, p.sides(met)); n != 0 {
			t.Errorf("after a rollback from %s %%, %d users are at the candidate", share, n)
		}
	}
}

// moveTo gives the candidate its share and waits until the router serves it.
func (p *place) moveTo(share runbook.Weight) {
	p.Helper()
	to := record.Split{stable: share.Rest(), candidate: share}
	p.shift(to)
	p.serves(to)
}

func newcomers(n int) []*users.User {
	people := make([]*users.User, n)
	for i := range people {
		people[i] = users.New(i)
	}
	return people
}

// sides is which version serves each user, by one request of each.
func (p *place) sides(people []*users.User) []string {
	p.Helper()
	sides := make([]string, len(people))
	var all sync.WaitGroup
	for w := range users.Workers {
		all.Go(func() {
			transport := &http.Transport{MaxIdleConnsPerHost: 1}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport, Timeout: time.Minute}
			for i := w; i < len(people); i += users.Workers {
				if p.byAddr {
					client = people[i].Alone()
				}
				a := people[i].Ask(p.Context(), client, p.url)
				if sides[i] = a.By; a.Failed != nil {
					p.Errorf("%s: %v", a.User.ID, a.Failed)
				}
			}
		})
	}
	all.Wait()
	return sides
}

func count(version string, sides []string) (n int) {
	for _, s := range sides {
		if s == version {
			n++
		}
	}
	return n
}

func differ(a, b []string) (n int) {
	for i := range a {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}

// sampling is the standard error of how many of n users a share gets.
func sampling(percent runbook.Weight, n int) float64 {
	share := percent.Share()
	return math.Sqrt(share * (1 - share) * float64(n))
}

func haproxyPart(u *users.User) float64 {
	return float64(xxh32(u.ID+" ranker-v2 ranker-v1")%10_000) / 100
}

func nginxPart(u *users.User) float64 {
	return 100 * float64(murmur2(u.ID+" ranker-v2 ranker-v1")) / math.MaxUint32
}

// traefikPart is where the candidate's weighted score begins to be the greater one.
func traefikPart(u *users.User) float64 {
	address := u.Address()
	v1, v2 := rendezvous(address+stable), rendezvous(address+candidate+"@consul")
	return 100 * v1 / (v1 + v2)
}
