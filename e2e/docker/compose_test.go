package docker_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// compose loads compose.yaml as Docker does: by its schema, strictly, and with all names resolved.
func compose(t *testing.T) *types.Project {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join(root, "docker"))
	if err != nil {
		t.Fatal(err)
	}
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  dir,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(dir, "compose.yaml")}},
		Environment: types.Mapping{},
	})
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func service(t *testing.T, name string) types.ServiceConfig {
	t.Helper()
	s, err := compose(t).GetService(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryServiceIsClosed(t *testing.T) {
	services := compose(t).Services
	if len(services) != 3 {
		t.Errorf("there are %d services", len(services))
	}
	for name, s := range services {
		if !s.ReadOnly || s.Privileged || !slices.Equal(s.CapDrop, []string{"ALL"}) || len(s.CapAdd) > 0 ||
			!slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) || s.User == "" || strings.HasPrefix(s.User, "0") {
			t.Errorf("%s: read_only %v, privileged %v, cap_drop %v, cap_add %v, security_opt %v, user %q",
				name, s.ReadOnly, s.Privileged, s.CapDrop, s.CapAdd, s.SecurityOpt, s.User)
		}
		if s.NetworkMode != "" || s.Pid != "" || s.Ipc != "" {
			t.Errorf("%s shares something of the host", name)
		}
	}
}

func TestOnlyNginxIsPublished(t *testing.T) {
	for name, s := range compose(t).Services {
		for _, p := range s.Ports {
			if name != "nginx" || p.HostIP != "127.0.0.1" {
				t.Errorf("%s publishes %s:%s", name, p.HostIP, p.Published)
			}
		}
		if name == "nginx" && (len(s.Ports) != 1 || s.Ports[0].Target != 8080) {
			t.Errorf("nginx publishes %v, and listens on 8080", s.Ports)
		}
	}
}

func TestNetworks(t *testing.T) {
	project := compose(t)
	if !project.Networks["backend"].Internal {
		t.Error("the backend has a way out")
	}
	for name, want := range map[string][]string{"gatehouse": {"gatehouse"}, "nginx": {"backend", "front"}, "api": {"backend"}} {
		var got []string
		for network := range project.Services[name].Networks {
			got = append(got, network)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s is in %v", name, got)
		}
	}
}

// What is mounted from the repository is there, but for what the README says to make.
func TestMountsAreThere(t *testing.T) {
	project := compose(t)
	made := []string{"users", "jwt.secret"}
	ignore, err := os.ReadFile(filepath.Join(root, "docker/.gitignore"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range made {
		if !strings.Contains(string(ignore), "\n/"+name) {
			t.Errorf(".gitignore lets %s in", name)
		}
	}
	sources := []string{project.Secrets["jwt_secret"].File}
	for name, s := range project.Services {
		for _, v := range s.Volumes {
			if v.Type != types.VolumeTypeBind {
				continue
			}
			if sources = append(sources, v.Source); !v.ReadOnly {
				t.Errorf("%s may write to %s", name, v.Source)
			}
		}
	}
	for _, source := range sources {
		if _, err := os.Stat(source); err != nil && !slices.Contains(made, filepath.Base(source)) {
			t.Error(err)
		}
	}
}

// The images are built of the Dockerfile, run as its users, and the state is kept in its volume.
func TestComposeFitsTheDockerfile(t *testing.T) {
	for name, s := range map[string]stage{"gatehouse": final(t), "api": target(t, "api")} {
		c := service(t, name)
		if dockerfile := filepath.Join(c.Build.Context, c.Build.Dockerfile); !sameFile(dockerfile, filepath.Join(root, "docker/Dockerfile")) {
			t.Errorf("%s is built of %s", name, dockerfile)
		}
		if (name == "gatehouse") != (c.Build.Target == "") || name == "api" && c.Build.Target != "api" {
			t.Errorf("%s is built for %q", name, c.Build.Target)
		}
		if user := s.all("USER"); c.User != user[0] {
			t.Errorf("%s runs as %s, and the image is for %s", name, c.User, user[0])
		}
	}
	state := slices.IndexFunc(service(t, "gatehouse").Volumes, func(v types.ServiceVolumeConfig) bool { return v.Source == "state" })
	if state < 0 || service(t, "gatehouse").Volumes[state].Target != final(t).all("VOLUME")[0] {
		t.Error("gatehouse's state is in an anonymous volume")
	}
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	two, err := os.Stat(b)
	return err == nil && os.SameFile(one, two)
}
