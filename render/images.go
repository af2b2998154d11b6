package render

import "github.com/kubernetes-prometheus/kubernetes-prometheus/config"

// Images returns what each image that a stack's pods pull is a copy of, by the reference that they pull it
// by: the same reference, unless the stack has a mirror of its registry. Images that the stack adds to
// pods are among them. A test compares them with the pods of many stacks.
func Images(cfg *config.Config) map[string]string {
	images := map[string]string{}
	add := func(image config.Image) { images[cfg.Images.Ref(image)] = cfg.Images.Source(image) }
	for _, pod := range Pods(cfg) {
		if !pod.Deployed {
			continue
		}
		for _, image := range pod.Images {
			add(image)
		}
		for _, container := range pod.Settings.Pod.AllContainers() {
			images[container.Image] = container.Image
		}
		for _, volume := range pod.Settings.Pod.Volumes {
			if volume.Image != nil {
				images[volume.Image.Reference] = volume.Image.Reference
			}
		}
	}
	if cfg.Grafana.Imports() {
		add(config.CurlImage)
	}
	return images
}
