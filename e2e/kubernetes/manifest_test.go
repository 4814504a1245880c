package kubernetes_test

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// A manifest is as much of a Kubernetes object as the tests look at. kubeconform looks at the rest.
type manifest struct {
	Kind     string
	Metadata struct {
		Name, Namespace     string
		Labels, Annotations map[string]string
	}
	AutomountServiceAccountToken *bool             `yaml:"automountServiceAccountToken"`
	Data                         map[string]string // of a ConfigMap or a Secret
	Spec                         spec
}

// spec is that of any kind.
type spec struct {
	Selector struct {
		MatchLabels map[string]string `yaml:"matchLabels"`
		Service     map[string]string `yaml:",inline"`
	}
	PodSelector struct {
		MatchLabels map[string]string `yaml:"matchLabels"`
	} `yaml:"podSelector"`
	Template struct {
		Metadata struct{ Labels, Annotations map[string]string }
		Spec     pod
	}
	Ports               []port
	Ingress, Egress     []rule
	PolicyTypes         []string                      `yaml:"policyTypes"`
	PodMetricsEndpoints []struct{ Port, Path string } `yaml:"podMetricsEndpoints"`
	TLS                 []struct {
		Hosts      []string
		SecretName string `yaml:"secretName"`
	}
}

type port struct {
	Name, Protocol string
	Port           int
	ContainerPort  int    `yaml:"containerPort"`
	TargetPort     string `yaml:"targetPort"`
}

// A rule is one of a NetworkPolicy.
type rule struct {
	From, To []yaml.Node
	Ports    []port
}

type pod struct {
	ServiceAccountName           string          `yaml:"serviceAccountName"`
	AutomountServiceAccountToken *bool           `yaml:"automountServiceAccountToken"`
	EnableServiceLinks           *bool           `yaml:"enableServiceLinks"`
	HostNetwork                  bool            `yaml:"hostNetwork"`
	HostPID                      bool            `yaml:"hostPID"`
	HostIPC                      bool            `yaml:"hostIPC"`
	Grace                        int             `yaml:"terminationGracePeriodSeconds"`
	SecurityContext              securityContext `yaml:"securityContext"`
	InitContainers               []container     `yaml:"initContainers"`
	Containers                   []container
	Volumes                      []volume
}

type securityContext struct {
	Privileged               bool
	RunAsNonRoot             bool  `yaml:"runAsNonRoot"`
	RunAsUser                int   `yaml:"runAsUser"`
	FSGroup                  int   `yaml:"fsGroup"`
	AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
	ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
	Capabilities             struct{ Add, Drop []string }
	SeccompProfile           struct{ Type string } `yaml:"seccompProfile"`
}

type container struct {
	Name, Image string
	Args        []string
	Env         []struct {
		Name      string
		ValueFrom struct {
			ResourceFieldRef struct{ Resource string } `yaml:"resourceFieldRef"`
		} `yaml:"valueFrom"`
	}
	Ports           []port
	SecurityContext securityContext `yaml:"securityContext"`
	ReadinessProbe  probe           `yaml:"readinessProbe"`
	LivenessProbe   probe           `yaml:"livenessProbe"`
	Lifecycle       struct {
		PreStop struct{ Sleep struct{ Seconds int } } `yaml:"preStop"`
	}
	Resources    struct{ Requests, Limits map[string]string }
	VolumeMounts []mount `yaml:"volumeMounts"`
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

type mount struct {
	Name      string
	MountPath string `yaml:"mountPath"`
	SubPath   string `yaml:"subPath"`
	ReadOnly  bool   `yaml:"readOnly"`
}

type volume struct {
	Name      string
	ConfigMap *struct{ Name string } `yaml:"configMap"`
	Secret    *struct {
		SecretName  string `yaml:"secretName"`
		DefaultMode int    `yaml:"defaultMode"`
	}
	EmptyDir *struct {
		Medium    string
		SizeLimit string `yaml:"sizeLimit"`
	} `yaml:"emptyDir"`
}

// manifests reads all objects of a text.
func manifests(t *testing.T, text string) (all []manifest) {
	t.Helper()
	for d := yaml.NewDecoder(strings.NewReader(text)); ; {
		var m manifest
		if err := d.Decode(&m); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		all = append(all, m)
	}
}

// only is the one object of a kind.
func only(t *testing.T, all []manifest, kind string) manifest {
	t.Helper()
	var found []manifest
	for _, m := range all {
		if m.Kind == kind {
			found = append(found, m)
		}
	}
	if len(found) != 1 {
		t.Fatalf("there are %d objects of kind %s", len(found), kind)
	}
	return found[0]
}

// named is the container's port with a name, or 0.
func (c container) named(name string) int {
	for _, p := range c.Ports {
		if p.Name == name {
			return p.ContainerPort
		}
	}
	return 0
}

// mebibytes are those of an amount of memory, or 0 where it is written in another way.
func mebibytes(quantity string) int {
	n, err := strconv.Atoi(strings.TrimSuffix(quantity, "Mi"))
	if err != nil || !strings.HasSuffix(quantity, "Mi") {
		return 0
	}
	return n
}

// limit is what GOMEMLIMIT is made of.
func (c container) limit() string {
	for _, v := range c.Env {
		if v.Name == "GOMEMLIMIT" {
			return v.ValueFrom.ResourceFieldRef.Resource
		}
	}
	return ""
}
