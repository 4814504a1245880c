package kubernetes_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// bcryptHash is of "wonderland".
const bcryptHash = "$2y$05$jrB1dhvk5zGfNdDAgsQvxeEoR984m/vGFxcqNfkZHuwfAD0vutRja"

// secrets are the files that the README says to put into the Secret.
var secrets = map[string]string{
	"jwt.secret":     "0123456789abcdef0123456789abcdef0123456789abcdef\n",
	"users.htpasswd": "alice:" + bcryptHash + "\n",
}

// A mounted pod is a folder with what its containers see.
type mounted struct {
	dir     string
	args    []string // of gatehouse
	environ []string
	strings.Replacer
}

// mountAll lays out what the Deployment's containers mount, as the kubelet does, with paths moved into the folder.
func mountAll(t *testing.T, all []manifest) *mounted {
	t.Helper()
	p := only(t, all, "Deployment").Spec.Template.Spec
	m := &mounted{dir: t.TempDir()}
	var mounts []mount
	var moved []string
	for _, c := range slices.Concat(p.InitContainers, p.Containers) {
		for _, at := range c.VolumeMounts {
			mounts = append(mounts, at)
			moved = append(moved, at.MountPath+"/", filepath.Join(m.dir, at.MountPath)+"/")
		}
	}
	m.Replacer = *strings.NewReplacer(moved...)
	for _, at := range mounts {
		m.fill(t, all, p.Volumes[slices.IndexFunc(p.Volumes, func(v volume) bool { return v.Name == at.Name })], at.MountPath)
	}
	for _, arg := range slices.Concat(p.InitContainers, p.Containers)[0].Args {
		m.args = append(m.args, m.Replace(arg))
	}
	m.environ = []string{"STATE_DIRECTORY=" + m.Replace("/var/lib/gatehouse/"), "GATEHOUSE_CONFIG=" + m.Replace("/etc/gatehouse/config.yaml")}
	return m
}

// fill makes the folder of a volume.
func (m *mounted) fill(t *testing.T, all []manifest, v volume, path string) {
	t.Helper()
	here := filepath.Join(m.dir, path)
	switch {
	case v.ConfigMap != nil:
		files := map[string]string{}
		for name, text := range configMap(all, v.ConfigMap.Name) {
			files[name] = m.Replace(text)
		}
		version(t, here, "..1", files)
	case v.Secret != nil:
		version(t, here, "..1", secrets)
	default:
		if err := os.MkdirAll(here, 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

// configMap is the content of the ConfigMap with a name.
func configMap(all []manifest, name string) map[string]string {
	for _, m := range all {
		if m.Kind == "ConfigMap" && m.Metadata.Name == name {
			return m.Data
		}
	}
	return nil
}

// version puts a new version of a volume in force, all files at once, as the kubelet does: each is a link to ..data,
// which is a link to the folder of this version.
func version(t *testing.T, dir, name string, files map[string]string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
		t.Fatal(err)
	}
	for file, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Lstat(filepath.Join(dir, file)); err == nil {
			continue
		}
		if err := os.Symlink(filepath.Join("..data", file), filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(name, filepath.Join(dir, "..data_tmp")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
}

// edit changes a file where it lies.
func (m *mounted) edit(t *testing.T, name string, change func(string) string) {
	t.Helper()
	path := filepath.Join(m.dir, name)
	if err := os.WriteFile(path, []byte(change(read(t, path))), 0o600); err != nil {
		t.Fatal(err)
	}
}

// check is what gatehouse check --strict says of the pod's config.yaml where it finds a fault.
func (m *mounted) check(t *testing.T) (fault string) {
	t.Helper()
	if len(m.args) == 0 || m.args[0] != "serve" {
		return "the container does not serve"
	}
	cmd := exec.CommandContext(t.Context(), gatehouse, append([]string{"check", "--strict"}, m.args[1:]...)...)
	cmd.Env = m.environ
	if out, err := cmd.CombinedOutput(); err != nil {
		return string(out)
	}
	return ""
}
