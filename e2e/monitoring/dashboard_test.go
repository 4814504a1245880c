package monitoring_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

type dashboard struct {
	UID           string
	Title         string
	SchemaVersion int
	Templating    struct {
		List []struct {
			Name, Type, Definition string
			Datasource             source
		}
	}
	Panels []panel
}

type panel struct {
	ID         int
	Type       string
	Title      string
	Datasource source
	GridPos    struct{ H, W, X, Y int }
	Targets    []struct {
		RefID        string
		Expr         string
		LegendFormat string
		Datasource   source
	}
}

type source struct{ Type, UID string }

func load(t *testing.T) (d dashboard) {
	t.Helper()
	if err := json.Unmarshal([]byte(read(t, shipped+"/gatehouse.json")), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func dashboardExpressions(t *testing.T) (all []expression) {
	t.Helper()
	d := load(t)
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			var legends []string
			for _, label := range regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`).FindAllStringSubmatch(target.LegendFormat, -1) {
				legends = append(legends, label[1])
			}
			all = append(all, expression{fmt.Sprintf("panel %d %s %s", p.ID, p.Title, target.RefID), target.Expr, legends})
		}
	}
	for _, v := range d.Templating.List {
		query := strings.TrimSuffix(strings.TrimPrefix(v.Definition, "label_values("), ")")
		if at := strings.LastIndex(query, ","); v.Type == "query" {
			all = append(all, expression{"variable " + v.Name, query[:at], []string{strings.TrimSpace(query[at+1:])}})
		}
	}
	return all
}

func TestTheDashboardIsWhole(t *testing.T) {
	d := load(t)
	if d.UID == "" || d.Title != "gatehouse" || d.SchemaVersion < 36 {
		t.Errorf("uid %q, title %q, schema %d", d.UID, d.Title, d.SchemaVersion)
	}
	ids, taken, rows := map[int]bool{}, map[[2]int]string{}, map[string]int{}
	row := ""
	for _, p := range d.Panels {
		if p.ID < 1 || ids[p.ID] {
			t.Errorf("%s has the id %d", p.Title, p.ID)
		}
		ids[p.ID] = true
		if p.Title == "" || p.GridPos.H < 1 || p.GridPos.W < 1 || p.GridPos.X < 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d %q lies at %+v", p.ID, p.Title, p.GridPos)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" {
					t.Fatalf("%s lies on %s", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			row = p.Title
			rows[row] = 0
			continue
		}
		rows[row]++
		p.checkTargets(t)
	}
	for _, want := range []string{"Traffic", "Outcomes", "Latency", "Providers", "Memory", "Hashing", "Throttle", "Health"} {
		if rows[want] == 0 {
			t.Errorf("the row %s has no panels", want)
		}
	}
}

func (p panel) checkTargets(t *testing.T) {
	t.Helper()
	if len(p.Targets) == 0 {
		t.Errorf("%s shows nothing", p.Title)
	}
	refs := map[string]bool{}
	for _, target := range p.Targets {
		if target.Expr == "" || target.RefID == "" || refs[target.RefID] {
			t.Errorf("%s: the target %q is %q", p.Title, target.RefID, target.Expr)
		}
		refs[target.RefID] = true
		if target.Datasource != chosen || p.Datasource != chosen {
			t.Errorf("%s reads from %+v and not from the one that was chosen", p.Title, target.Datasource)
		}
		if !strings.Contains(target.Expr, `job=~"$job"`) || !strings.Contains(target.Expr, `instance=~"$instance"`) {
			t.Errorf("%s does not heed the chosen gateways: %s", p.Title, target.Expr)
		}
	}
}

// chosen is the data source that the variable names.
var chosen = source{"prometheus", "${datasource}"}

func TestTheDashboardsVariables(t *testing.T) {
	types, text := map[string]string{}, read(t, shipped+"/gatehouse.json")
	for _, v := range load(t).Templating.List {
		types[v.Name] = v.Type
		if v.Type == "query" && v.Datasource != chosen {
			t.Errorf("%s reads from %+v", v.Name, v.Datasource)
		}
	}
	if types["datasource"] != "datasource" {
		t.Errorf("the data source cannot be chosen: %v", types)
	}
	for _, name := range regexp.MustCompile(`\$\{?([a-z]+)`).FindAllStringSubmatch(text, -1) {
		if types[name[1]] == "" {
			t.Errorf("there is no variable %s", name[1])
		}
	}
}
