package dashboards

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// Every dashboard starts from newDashboard, and every panel from one of the functions below, so
// that all look alike. The SDK places panels from left to right over 24 columns: a panel sets its
// width (Span) and height, never a position.

// tag marks every shipped dashboard; the links at the top of each list the dashboards that have it.
const tag = "kubernetes-prometheus"

// Colours, by Grafana's names.
const (
	green  = "green"
	yellow = "yellow"
	orange = "orange"
	red    = "red"
	blue   = "blue"
)

// newDashboard returns a dashboard with the variables datasource and cluster. It offers the
// clusters that have the metric.
func newDashboard(o Options, uid, title, description, metric string, tags ...string) *dashboard.DashboardBuilder {
	return newBoard(o, uid, title, description, tags...).
		WithVariable(labelVariable("cluster", "Cluster", "label_values("+metric+", cluster)").
			Refresh(dashboard.VariableRefreshOnDashboardLoad))
}

// newBoard returns a dashboard of all clusters, with the variable datasource. All adds the links and
// annotations that every dashboard has.
func newBoard(o Options, uid, title, description string, tags ...string) *dashboard.DashboardBuilder {
	return dashboard.NewDashboardBuilder(title).
		Uid(uid).
		Description(description).
		Tags(append([]string{tag}, tags...)).
		Readonly().
		Timezone("browser").
		Time("now-3h", "now").
		Refresh("1m").
		Tooltip(dashboard.DashboardCursorSyncCrosshair).
		WithVariable(dashboard.NewDatasourceVariableBuilder("datasource").
			Label("Data source").
			Type("prometheus").
			Current(dashboard.VariableOption{
				Text:  dashboard.StringOrArrayOfString{String: cog.ToPtr(o.Datasource.Name)},
				Value: dashboard.StringOrArrayOfString{String: cog.ToPtr(o.Datasource.UID)},
			}))
}

// labelVariable returns a variable with one selected value, from a query such as
// label_values(metric, label).
func labelVariable(name, label, query string) *dashboard.QueryVariableBuilder {
	return dashboard.NewQueryVariableBuilder(name).
		Label(label).
		Datasource(datasource()).
		Query(dashboard.StringOrMap{String: cog.ToPtr(query)}).
		Definition(query).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).
		Sort(dashboard.VariableSortNaturalAsc)
}

// labelsVariable returns a variable with several selected values, all at first. All is ".*", not a
// long alternation, so that it also matches series without the label.
func labelsVariable(name, label, query string) *dashboard.QueryVariableBuilder {
	return firstLabelVariable(name, label, query).
		Current(dashboard.VariableOption{
			Selected: cog.ToPtr(true),
			Text:     dashboard.StringOrArrayOfString{ArrayOfString: []string{"All"}},
			Value:    dashboard.StringOrArrayOfString{ArrayOfString: []string{"$__all"}},
		})
}

// firstLabelVariable is labelsVariable with only the first value selected at first, where all are too
// many to open a dashboard with.
func firstLabelVariable(name, label, query string) *dashboard.QueryVariableBuilder {
	return labelVariable(name, label, query).
		Multi(true).
		IncludeAll(true).
		AllValue(".*")
}

// Variables that select one object, of which kube-state-metrics knows.
func namespaceVariable() *dashboard.QueryVariableBuilder {
	return labelVariable("namespace", "Namespace", `label_values(kube_pod_info{`+inCluster+`}, namespace)`)
}

func podVariable() *dashboard.QueryVariableBuilder {
	return labelVariable("pod", "Pod", `label_values(kube_pod_info{`+inCluster+`, namespace="$namespace"}, pod)`)
}

// datasource returns the datasource that the dashboard's datasource variable selects.
func datasource() common.DataSourceRef {
	return common.DataSourceRef{Type: cog.ToPtr("prometheus"), Uid: cog.ToPtr("${datasource}")}
}

// row returns a row, which groups the panels after it.
func row(title string) *dashboard.RowBuilder {
	return dashboard.NewRowBuilder(title)
}

// overTime returns a panel that draws queries as lines over the dashboard's time range, from zero
// up. unit is one of the SDK's package units.
func overTime(title, description, unit string) *timeseries.PanelBuilder {
	return timeseries.NewPanelBuilder().
		Title(title).
		Description(description).
		Datasource(datasource()).
		Unit(unit).
		AxisSoftMin(0).
		Span(12).
		Height(8).
		LineWidth(1).
		FillOpacity(10).
		ShowPoints(common.VisibilityModeNever).
		Tooltip(common.NewVizTooltipOptionsBuilder().
			Mode(common.TooltipDisplayModeMulti).
			Sort(common.SortOrderDescending)).
		Legend(common.NewVizLegendOptionsBuilder().
			DisplayMode(common.LegendDisplayModeTable).
			Placement(common.LegendPlacementBottom).
			ShowLegend(true).
			Calcs([]string{"mean", "max", "lastNotNull"}).
			SortBy("Max").
			SortDesc(true))
}

// bothWays returns a panel like overTime for traffic in two directions. Queries whose legend starts
// with out are drawn below zero.
func bothWays(title, description, unit, out string) *timeseries.PanelBuilder {
	return overTime(title, description, unit).
		AxisCenteredZero(true).
		OverrideByRegexp("/^"+out+"/", []dashboard.DynamicConfigValue{
			{Id: "custom.transform", Value: "negative-Y"},
		})
}

// stacked makes a panel draw its lines as areas on top of each other.
func stacked(p *timeseries.PanelBuilder) *timeseries.PanelBuilder {
	return p.FillOpacity(40).
		Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A"))
}

// withThreshold draws a dashed line at a value above which the panel's values are too high.
func withThreshold(p *timeseries.PanelBuilder, value float64) *timeseries.PanelBuilder {
	return p.
		ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed)).
		Thresholds(steps(green, at(value, red)))
}

// processes adds a row with what the processes that a selector matches use. by is the label that
// tells them apart.
func processes(board *dashboard.DashboardBuilder, selector, by string) {
	legend := "{{" + by + "}}"
	board.WithRow(row("Processes")).
		WithPanel(overTime("CPU", "Cores in use, of the 20 processes that use most.", units.Short).
			WithTarget(query(largest(20, `sum by (`+by+`) (rate(process_cpu_seconds_total{`+selector+`}[$__rate_interval]))`), legend))).
		WithPanel(overTime("Memory", "Resident memory, of the 20 processes that use most.", units.BytesIEC).
			WithTarget(query(largest(20, `sum by (`+by+`) (process_resident_memory_bytes{`+selector+`})`), legend)))
}

// besideRequests returns a panel like overTime that draws what pods request and what they are limited
// to as dashed lines. The query of what they use has the legend "used".
func besideRequests(title, description, unit, requested, limited string) *timeseries.PanelBuilder {
	return overTime(title, description, unit).
		WithTarget(query(requested, "requested")).
		WithTarget(query(limited, "limit")).
		OverrideByName("requested", append(asLimit(), inColor(yellow)...)).
		OverrideByName("limit", append(asLimit(), inColor(red)...)).
		OverrideByName("used", inColor(blue))
}

// figure returns a panel that shows the latest value of a query as a number over a sparkline.
func figure(title, description, unit string) *stat.PanelBuilder {
	return stat.NewPanelBuilder().
		Title(title).
		Description(description).
		Datasource(datasource()).
		Unit(unit).
		Span(4).
		Height(4).
		ColorMode(common.BigValueColorModeValue).
		GraphMode(common.BigValueGraphModeArea).
		JustifyMode(common.BigValueJustifyModeAuto).
		ReduceOptions(lastValue()).
		Thresholds(steps(green))
}

// ranking returns a panel that shows the latest values of a query as horizontal bars, in the order
// of the query's result.
func ranking(title, description, unit string) *bargauge.PanelBuilder {
	return bargauge.NewPanelBuilder().
		Title(title).
		Description(description).
		Datasource(datasource()).
		Unit(unit).
		Min(0).
		Span(12).
		Height(10).
		Orientation(common.VizOrientationHorizontal).
		DisplayMode(common.BarGaugeDisplayModeBasic).
		ValueMode(common.BarGaugeValueModeText).
		ShowUnfilled(true).
		ReduceOptions(lastValue()).
		Thresholds(steps(blue))
}

// listing returns a panel that shows the latest values of its queries, made by rows, as a table
// with one row for each label set. The columns appear in the given order.
func listing(title, description string, columns ...column) *table.PanelBuilder {
	panel := table.NewPanelBuilder().
		Title(title).
		Description(description).
		Datasource(datasource()).
		Span(24).
		Height(10).
		ShowHeader(true).
		CellHeight(common.TableCellHeightSm).
		Footer(common.NewTableFooterOptionsBuilder().Show(false).Reducer([]string{})).
		Filterable(true)

	names, rename, index := []string{}, map[string]string{}, map[string]int{}
	for i, c := range columns {
		names = append(names, c.field)
		rename[c.field], index[c.field] = c.title, i
		if len(c.style) > 0 {
			panel.OverrideByName(c.title, c.style)
		}
	}
	return panel.
		WithTransformation(dashboard.DataTransformerConfig{Id: "merge", Options: map[string]any{}}).
		WithTransformation(dashboard.DataTransformerConfig{Id: "filterFieldsByName", Options: map[string]any{
			"include": map[string]any{"names": names},
		}}).
		WithTransformation(dashboard.DataTransformerConfig{Id: "organize", Options: map[string]any{
			"indexByName":  index,
			"renameByName": rename,
		}})
}

// column is a column of a listing.
type column struct {
	// field is a label, or "Value #A" for the first query's value; "Value" if there is one query.
	field string
	title string
	style []dashboard.DynamicConfigValue
}

// inUnit shows a column's values in a unit of the SDK's package units.
func inUnit(unit string) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{{Id: "unit", Value: unit}}
}

// inWords replaces a column's values by words.
func inWords(mappings []dashboard.ValueMapping) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{
		{Id: "custom.cellOptions", Value: map[string]any{"type": "color-text"}},
		{Id: "mappings", Value: mappings},
	}
}

// inSteps shows a column's values in a unit, coloured as steps colours them.
func inSteps(unit, base string, thresholds ...dashboard.Threshold) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{
		{Id: "unit", Value: unit},
		{Id: "custom.cellOptions", Value: map[string]any{"type": "color-text"}},
		{Id: "thresholds", Value: dashboard.ThresholdsConfig{
			Mode:  dashboard.ThresholdsModeAbsolute,
			Steps: append([]dashboard.Threshold{{Color: base}}, thresholds...),
		}},
	}
}

// asBar draws a column's values, which are between 0 and 1, as bars that turn yellow at warning and
// red at critical.
func asBar(warning, critical float64) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{
		{Id: "unit", Value: "percentunit"},
		{Id: "min", Value: 0},
		{Id: "max", Value: 1},
		{Id: "custom.cellOptions", Value: map[string]any{"type": "gauge", "mode": "gradient", "valueDisplayMode": "text"}},
		{Id: "thresholds", Value: dashboard.ThresholdsConfig{
			Mode:  dashboard.ThresholdsModeAbsolute,
			Steps: []dashboard.Threshold{{Color: green}, at(warning, yellow), at(critical, red)},
		}},
	}
}

// yesOrNo shows a column's values 1 and 0 as words.
func yesOrNo() []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{
		{Id: "custom.cellOptions", Value: map[string]any{"type": "color-text"}},
		{Id: "mappings", Value: states(word("no", red), word("yes", green))},
	}
}

// withLink links a column's cells to the dashboard with a UID, for the same time range and cluster;
// it does nothing if the stack does not have that dashboard. Each pair of a variable and the title
// of a column sets that variable to the row's value in that column; one of them may be the cluster.
func withLink(o Options, title, uid string, variablesAndColumns ...string) []dashboard.DynamicConfigValue {
	if !o.shows(uid) {
		return nil
	}
	url := "/d/" + uid + "?${datasource:queryparam}&${__url_time_range}"
	if !slices.Contains(variablesAndColumns, "cluster") {
		url += "&${cluster:queryparam}"
	}
	for pair := range slices.Chunk(variablesAndColumns, 2) {
		url += "&var-" + pair[0] + "=${__data.fields[\"" + pair[1] + "\"]}"
	}
	return link(title, url)
}

// withRunbook links a column of alerts' names to their runbooks.
func withRunbook(o Options) []dashboard.DynamicConfigValue {
	if o.RunbookURL == "" {
		return nil
	}
	return link("Runbook", o.RunbookURL+"/${__value.raw}.md")
}

// link links a column's cells to a URL.
func link(title, url string) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{{Id: "links", Value: []map[string]any{{"title": title, "url": url}}}}
}

// The columns of the labels that name objects link to the dashboards of these objects. A table has
// the columns that a link needs: a pod's its namespace, a workload's its namespace and type.
func namespaceColumn(o Options) column {
	return column{"namespace", "Namespace", withLink(o, "The namespace", UIDNamespace, "namespace", "Namespace")}
}

func workloadTypeColumn() column { return column{"workload_type", "Type", nil} }

func workloadColumn(o Options) column {
	return column{"workload", "Workload", withLink(o, "The workload", UIDWorkload, "namespace", "Namespace", "workload_type", "Type", "workload", "Workload")}
}

func podColumn(o Options) column {
	return column{"pod", "Pod", withLink(o, "The pod", UIDPod, "namespace", "Namespace", "pod", "Pod")}
}

func nodeColumn(o Options) column {
	return column{"node", "Node", withLink(o, "The node", UIDNode, "node", "Node")}
}

func claimColumn(o Options) column {
	return column{"persistentvolumeclaim", "Claim", withLink(o, "The volume", UIDPersistentVolumes, "namespace", "Namespace", "persistentvolumeclaim", "Claim")}
}

// firingAlerts returns a listing of the alerts that fire, the longest firing first. matchers select
// ALERTS besides the cluster, such as `namespace="$namespace"`; empty for all of the cluster.
func firingAlerts(o Options, matchers string) *table.PanelBuilder {
	// ALERTS has the labels of the alert's expression, which may have aggregated the cluster away:
	// such alerts belong to the cluster too.
	alerts := `cluster=~"|$cluster", alertname!="Watchdog"`
	if matchers != "" {
		alerts += ", " + matchers
	}
	return listing("Firing alerts", "Alerts that fire, the longest firing first. An alert's name links to its runbook.",
		column{"alertname", "Alert", withRunbook(o)},
		column{"severity", "Severity", severityColors()},
		namespaceColumn(o),
		podColumn(o),
		nodeColumn(o),
		column{"job", "Job", nil},
		column{"instance", "Instance", nil},
		column{"Value", "Firing for", inUnit(units.DurationSeconds)},
	).
		Height(6).
		SortBy(sortedBy("Firing for", true)).
		NoValue("No alert is firing").
		WithTarget(rows(`(time() - ALERTS_FOR_STATE{` + alerts + `}) and ignoring (alertstate) ALERTS{` + alerts + `, alertstate="firing"}`))
}

// asWorkload returns an expression about objects of a kind, such as Deployment, with the labels
// workload_type and workload besides the one that is named like the kind.
func asWorkload(expr, kind string) string {
	label := strings.ToLower(kind)
	return `label_replace(label_replace(sum by (namespace, ` + label + `) (` + expr + `), "workload", "$1", "` + label + `", "(.+)"), "workload_type", "` + kind + `", "", "")`
}

// largest returns a query for those n series of an expression that are largest at the end of the time
// range: a plain topk would draw every series that is among them at any time. The selectors of the
// expression all have braces, and its strings have none.
func largest(n int, expr string) string {
	return fmt.Sprintf("%s and topk(%d, %s)", expr, n, selectors.ReplaceAllString(expr, "$0 @ end()"))
}

// mostOf returns a query for those n series of rates that are largest over the whole time range. What
// happens now and then is seldom among the largest at its end. The expression has a value, if only
// NaN, where nothing happens.
func mostOf(n int, expr string) string {
	over := strings.ReplaceAll(expr, "[$__rate_interval]", "[$__range]")
	return fmt.Sprintf("%s and topk(%d, %s)", expr, n, selectors.ReplaceAllString(over, "$0 @ end()"))
}

// selectors matches the end of each selector of an expression, with its range.
var selectors = regexp.MustCompile(`\}(\[[^\]]*\])?`)

// query returns a query over the time range. legend is Grafana's legend format, e.g. "{{node}}".
func query(expr, legend string) *prometheus.DataqueryBuilder {
	return prometheus.NewDataqueryBuilder().Expr(expr).LegendFormat(legend).Range()
}

// instant returns a query for the latest value only.
func instant(expr, legend string) *prometheus.DataqueryBuilder {
	return prometheus.NewDataqueryBuilder().Expr(expr).LegendFormat(legend).Instant()
}

// rows returns a query for the latest values as a table, whose columns are the labels and the
// value.
func rows(expr string) *prometheus.DataqueryBuilder {
	return prometheus.NewDataqueryBuilder().Expr(expr).Instant().Format(prometheus.PromQueryFormatTable)
}

// lastValue reduces a series to its latest value.
func lastValue() *common.ReduceDataOptionsBuilder {
	return common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"})
}

// steps returns thresholds that colour values: base below the first one, then each one's colour.
func steps(base string, thresholds ...dashboard.Threshold) *dashboard.ThresholdsConfigBuilder {
	return dashboard.NewThresholdsConfigBuilder().
		Mode(dashboard.ThresholdsModeAbsolute).
		Steps(append([]dashboard.Threshold{{Color: base}}, thresholds...))
}

// at returns a threshold from which on values have a colour.
func at(value float64, color string) dashboard.Threshold {
	return dashboard.Threshold{Value: &value, Color: color}
}

// states returns mappings that replace the values 0 and 1 by words.
func states(zero, one dashboard.ValueMappingResult) []dashboard.ValueMapping {
	return []dashboard.ValueMapping{{ValueMap: &dashboard.ValueMap{
		Type:    dashboard.MappingTypeValueToText,
		Options: map[string]dashboard.ValueMappingResult{"0": zero, "1": one},
	}}}
}

// word returns a coloured text that replaces a value.
func word(text, color string) dashboard.ValueMappingResult {
	return dashboard.ValueMappingResult{Text: &text, Color: &color}
}

// asLimit draws a series as a dashed line without a fill.
func asLimit() []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{
		{Id: "custom.lineStyle", Value: map[string]any{"fill": "dash", "dash": []int{10, 10}}},
		{Id: "custom.fillOpacity", Value: 0},
	}
}

// inColor draws a series in one colour.
func inColor(color string) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{{Id: "color", Value: map[string]any{"mode": "fixed", "fixedColor": color}}}
}

// sortedBy sorts a listing by the column with a title.
func sortedBy(title string, descending bool) []cog.Builder[common.TableSortByFieldState] {
	return []cog.Builder[common.TableSortByFieldState]{
		common.NewTableSortByFieldStateBuilder().DisplayName(title).Desc(descending),
	}
}
