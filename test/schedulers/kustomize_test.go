package schedulers

import (
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const root = "../.."

// A cluster is what Kustomize renders of a folder, read by Kubernetes' own types.
type cluster struct {
	daemon  appsv1.StatefulSet
	service corev1.Service
	configs map[string]corev1.ConfigMap
}

func render(t *testing.T, dir string) cluster {
	t.Helper()
	out, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(root, dir))
	if err != nil {
		t.Fatal(err)
	}
	c := cluster{configs: map[string]corev1.ConfigMap{}}
	for _, r := range out.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		var config corev1.ConfigMap
		var into any
		switch kind := r.GetKind(); kind {
		case "StatefulSet":
			into = &c.daemon
		case "Service":
			into = &c.service
		case "ConfigMap":
			into = &config
		default:
			t.Fatalf("nobody knows a %s here", kind)
		}
		if err := yaml.UnmarshalStrict(text, into); err != nil { // a field that is misspelt is an error
			t.Errorf("%s: %v\n%s", r.CurId(), err, text)
		}
		if config.Name != "" {
			c.configs[config.Name] = config
		}
	}
	return c
}

// What stands for a file, an address or a port in the rendered example leads somewhere.
func TestKustomize(t *testing.T) {
	c := render(t, "deploy/kustomize/example")
	pod := c.daemon.Spec.Template.Spec
	if len(pod.Containers) != 1 {
		t.Fatalf("the pod has %d containers", len(pod.Containers))
	}
	daemon := pod.Containers[0]
	mounted := map[string]bool{}
	for _, m := range daemon.VolumeMounts {
		mounted[m.MountPath] = true
		if m.Name == "data" && c.daemon.Spec.VolumeClaimTemplates[0].Name == m.Name {
			continue
		}
		i := slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name })
		if i < 0 {
			t.Errorf("%s mounts %s, which is no volume", m.MountPath, m.Name)
			continue
		}
		switch v := pod.Volumes[i]; {
		case v.ConfigMap != nil && c.configs[v.ConfigMap.Name].Name == "":
			t.Errorf("volume %s is of ConfigMap %s, and there are %v", v.Name, v.ConfigMap.Name, slices.Collect(maps.Keys(c.configs)))
		case v.Secret != nil && (v.Secret.DefaultMode == nil || *v.Secret.DefaultMode != 0o440):
			t.Errorf("secret %s has a mode that the daemon refuses", v.Name)
		}
	}
	values := c.configs[daemon.EnvFrom[0].ConfigMapRef.Name].Data
	for _, arg := range daemon.Args {
		_, value, _ := strings.Cut(arg, "=")
		if name, is := strings.CutPrefix(value, "$("); is && values[strings.TrimSuffix(name, ")")] == "" {
			t.Errorf("%s: there is no such address", arg)
		}
		if strings.HasPrefix(value, "/") && !mounted[value] && !mounted[filepath.Dir(value)] {
			t.Errorf("%s: nothing is mounted there", arg)
		}
	}
	if values["EXTERNAL_URL"] != "https://autorollback.ml.example.com" {
		t.Errorf("the example's own address is not there: %v", values)
	}
	takesFlags(t, daemon.Args)
	ports := map[string]int32{}
	for _, p := range daemon.Ports {
		ports[p.Name] = p.ContainerPort
	}
	for _, p := range c.service.Spec.Ports {
		if ports[p.TargetPort.String()] != p.Port {
			t.Errorf("the service's port %d leads to %s", p.Port, p.TargetPort.String())
		}
	}
	for _, probe := range []*corev1.Probe{daemon.LivenessProbe, daemon.ReadinessProbe} {
		if ports[probe.HTTPGet.Port.String()] == 0 {
			t.Errorf("a probe asks port %s", probe.HTTPGet.Port.String())
		}
	}
	for name, label := range c.service.Spec.Selector {
		if c.daemon.Spec.Template.Labels[name] != label {
			t.Errorf("the service looks for %s=%s, the pod has %v", name, label, c.daemon.Spec.Template.Labels)
		}
	}
}

// The example's runbook has no mistake; boxes that a team has to tick are left (3).
func TestExampleRunbook(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "run", "./cmd/autorollback", "runbook", "check", "deploy/kustomize/example/ranker.yaml")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil && !strings.HasSuffix(string(out), "exit status 3\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

// A namespace that enforces the restricted Pod Security Standard takes the pod.
func TestPodIsRestricted(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks())
	if err != nil {
		t.Fatal(err)
	}
	evaluate := func(pod corev1.PodTemplateSpec) string {
		level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
		r := policy.AggregateCheckResults(evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec))
		if r.Allowed {
			return ""
		}
		return r.ForbiddenDetail()
	}
	pod := render(t, "deploy/kustomize/base").daemon.Spec.Template
	if why := evaluate(pod); why != "" {
		t.Error(why)
	}
	pod.Spec.SecurityContext.SeccompProfile = nil
	if why := evaluate(pod); !strings.Contains(why, "seccompProfile") {
		t.Errorf("a pod without a seccomp profile is refused for %q", why)
	}
}
