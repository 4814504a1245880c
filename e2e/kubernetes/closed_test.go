package kubernetes_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// unfenced says what in a Deployment's pods falls short of the restricted Pod Security Standard, or of ours.
func unfenced(deployment manifest) (faults []string) {
	p := deployment.Spec.Template.Spec
	no := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	no(p.AutomountServiceAccountToken == nil || *p.AutomountServiceAccountToken, "the pod gets a token of the cluster")
	no(p.EnableServiceLinks == nil || *p.EnableServiceLinks, "Services' variables reach the environment")
	no(p.HostNetwork || p.HostPID || p.HostIPC, "the pod shares something of the node")
	no(!p.SecurityContext.RunAsNonRoot || p.SecurityContext.RunAsUser == 0, "the pod may run as root")
	no(p.SecurityContext.SeccompProfile.Type != "RuntimeDefault", "the pod has no seccomp profile")
	no(len(p.Containers) == 0, "there is no container")
	for _, c := range slices.Concat(p.InitContainers, p.Containers) {
		s := c.SecurityContext
		no(s.Privileged || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation, "%s may gain privileges", c.Name)
		no(!s.ReadOnlyRootFilesystem, "%s may write to its root", c.Name)
		no(!s.RunAsNonRoot, "%s may run as root", c.Name)
		no(!slices.Equal(s.Capabilities.Drop, []string{"ALL"}) || len(s.Capabilities.Add) > 0, "%s keeps capabilities", c.Name)
		no(s.SeccompProfile.Type != "RuntimeDefault", "%s has no seccomp profile", c.Name)
		no(c.Resources.Limits["memory"] == "" || c.Resources.Requests["memory"] == "", "%s has no bound on memory", c.Name)
		no(c.Name == "gatehouse" && c.limit() != "requests.memory", "GOMEMLIMIT is of %q", c.limit())
		no(mebibytes(c.Resources.Requests["memory"]) >= mebibytes(c.Resources.Limits["memory"]), "%s has no room above what it asks for", c.Name)
		no(strings.HasSuffix(c.Image, ":latest") || !strings.ContainsAny(c.Image, ":@"), "%s has no pinned image", c.Name)
		for _, m := range c.VolumeMounts {
			no(m.SubPath != "", "%s would never see a change of %s", c.Name, m.MountPath)
			no(!m.ReadOnly && !writable(p, m.Name), "%s may write to %s", c.Name, m.MountPath)
		}
	}
	for _, v := range p.Volumes {
		no(v.ConfigMap == nil && v.Secret == nil && v.EmptyDir == nil, "the volume %s is of another kind", v.Name)
		no(v.EmptyDir != nil && (v.EmptyDir.SizeLimit == "" || v.EmptyDir.Medium != "Memory"), "the volume %s has no bound, or is on the node's disk", v.Name)
		no(v.Secret != nil && v.Secret.DefaultMode&0o007 != 0, "everybody in the pod may read %s", v.Name)
		no(v.Secret != nil && p.SecurityContext.FSGroup == 0, "the pod's user may not read %s", v.Name)
	}
	return faults
}

// writable reports whether the volume is the pod's own.
func writable(p pod, name string) bool {
	return slices.ContainsFunc(p.Volumes, func(v volume) bool { return v.Name == name && v.EmptyDir != nil })
}

// scattered says which objects do not belong together: namespaces, selectors, accounts, mounts.
func scattered(all []manifest) (faults []string) {
	names := map[string]bool{}
	for _, m := range all {
		names[m.Kind+" "+m.Metadata.Name] = true
	}
	for _, m := range all {
		if m.Metadata.Namespace != all[0].Metadata.Namespace || m.Metadata.Namespace == "" {
			faults = append(faults, fmt.Sprintf("%s %s is in the namespace %q", m.Kind, m.Metadata.Name, m.Metadata.Namespace))
		}
		if m.Kind != "Deployment" {
			continue
		}
		p := m.Spec.Template.Spec
		if !names["ServiceAccount "+p.ServiceAccountName] {
			faults = append(faults, "there is no ServiceAccount "+p.ServiceAccountName)
		}
		for _, v := range p.Volumes {
			if v.ConfigMap != nil && !names["ConfigMap "+v.ConfigMap.Name] {
				faults = append(faults, "there is no ConfigMap "+v.ConfigMap.Name)
			}
		}
		for _, other := range all {
			if s := selector(other); s != nil && (len(s) == 0 || !contains(m.Spec.Template.Metadata.Labels, s)) {
				faults = append(faults, fmt.Sprintf("%s %s selects %v, not %v", other.Kind, other.Metadata.Name, s, m.Spec.Template.Metadata.Labels))
			}
		}
	}
	return faults
}

// selector is by what an object selects pods, or nil where it selects none.
func selector(m manifest) map[string]string {
	switch m.Kind {
	case "Service":
		return m.Spec.Selector.Service
	case "NetworkPolicy":
		return m.Spec.PodSelector.MatchLabels
	case "Deployment", "PodDisruptionBudget", "PodMonitor":
		return m.Spec.Selector.MatchLabels
	}
	return nil
}

func contains(labels, some map[string]string) bool {
	for _, key := range slices.Sorted(maps.Keys(some)) {
		if labels[key] != some[key] {
			return false
		}
	}
	return true
}
