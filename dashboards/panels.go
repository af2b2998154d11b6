package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// The house style: every dashboard starts from newDashboard, every panel from one of the
// functions below. The SDK flows panels left to right over 24 columns, so a panel states
// its width (Span) and height and never a position.

// tag is on every shipped dashboard; the links at the top of each lead to all of them.
const tag = "kubernetes-prometheus"

const (
	green  = "green"
	yellow = "yellow"
	orange = "orange"
	red    = "red"
	blue   = "blue"
)

// newDashboard starts a dashboard that has the datasource and cluster variables. The
// clusters offered are those that have the metric.
func newDashboard(o Options, uid, title, description, metric string, tags ...string) *dashboard.DashboardBuilder {
	return dashboard.NewDashboardBuilder(title).
		Uid(uid).
		Description(description).
		Tags(append([]string{tag}, tags...)).
		Readonly().
		Timezone("browser").
		Time("now-3h", "now").
		Refresh("1m").
		Tooltip(dashboard.DashboardCursorSyncCrosshair).
		Link(dashboard.NewDashboardLinkBuilder("Dashboards").
			Type(dashboard.DashboardLinkTypeDashboards).
			Tags([]string{tag}).
			AsDropdown(true).
			IncludeVars(true).
			KeepTime(true)).
		WithVariable(dashboard.NewDatasourceVariableBuilder("datasource").
			Label("Data source").
			Type("prometheus").
			Current(dashboard.VariableOption{
				Text:  dashboard.StringOrArrayOfString{String: cog.ToPtr(o.Datasource.Name)},
				Value: dashboard.StringOrArrayOfString{String: cog.ToPtr(o.Datasource.UID)},
			})).
		WithVariable(labelVariable("cluster", "Cluster", "label_values("+metric+", cluster)").
			Refresh(dashboard.VariableRefreshOnDashboardLoad))
}

// labelVariable offers one value at a time.
func labelVariable(name, label, query string) *dashboard.QueryVariableBuilder {
	return dashboard.NewQueryVariableBuilder(name).
		Label(label).
		Datasource(datasource()).
		Query(dashboard.StringOrMap{String: cog.ToPtr(query)}).
		Definition(query).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).
		Sort(dashboard.VariableSortNaturalAsc)
}

// labelsVariable offers several values at once, and all of them to begin with. All is
// ".*" and not a long alternation: also what has no such label belongs to it.
func labelsVariable(name, label, query string) *dashboard.QueryVariableBuilder {
	return labelVariable(name, label, query).
		Multi(true).
		IncludeAll(true).
		AllValue(".*").
		Current(dashboard.VariableOption{
			Selected: cog.ToPtr(true),
			Text:     dashboard.StringOrArrayOfString{ArrayOfString: []string{"All"}},
			Value:    dashboard.StringOrArrayOfString{ArrayOfString: []string{"$__all"}},
		})
}

// datasource is the one chosen by the dashboard's datasource variable.
func datasource() common.DataSourceRef {
	return common.DataSourceRef{Type: cog.ToPtr("prometheus"), Uid: cog.ToPtr("${datasource}")}
}

func row(title string) *dashboard.RowBuilder {
	return dashboard.NewRowBuilder(title)
}

// overTime draws a query as lines over the dashboard's time range, from zero up.
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

// bothWays is overTime for traffic: what flows out is drawn below zero. The queries that
// flow out carry a legend that starts with the given word.
func bothWays(title, description, unit, out string) *timeseries.PanelBuilder {
	return overTime(title, description, unit).
		AxisCenteredZero(true).
		OverrideByRegexp("/^"+out+"/", []dashboard.DynamicConfigValue{
			{Id: "custom.transform", Value: "negative-Y"},
		})
}

// stacked turns the lines of a panel into layers that add up.
func stacked(p *timeseries.PanelBuilder) *timeseries.PanelBuilder {
	return p.FillOpacity(40).
		Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A"))
}

// figure shows the newest value of a query as a number over a sparkline.
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

// ranking compares the newest values of a query as horizontal bars, greatest first.
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

// listing shows the newest values of its instant queries as a table, a row per label set.
// The columns appear in the order given.
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

// column is a column of a listing: a label, or "Value #A" for the first query's value.
// A listing of a single query names its value "Value".
type column struct {
	field, title string
	style        []dashboard.DynamicConfigValue
}

func inUnit(unit string) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{{Id: "unit", Value: unit}}
}

// asBar draws a column's values, which lie between 0 and 1, as bars that turn yellow and
// red at the two shares given.
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

// withLink leads from a column's cell to a dashboard, at the same time and cluster.
// The parameter of that dashboard is set to the value of the cell's column.
func withLink(title, uid, parameter, columnTitle string) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{{Id: "links", Value: []map[string]any{{
		"title": title,
		"url": "/d/" + uid + "?${datasource:queryparam}&${cluster:queryparam}&${__url_time_range}" +
			"&var-" + parameter + "=${__data.fields[\"" + columnTitle + "\"]}",
	}}}}
}

// query draws over time; legend is Grafana's legend format, e.g. "{{node}}".
func query(expr, legend string) *prometheus.DataqueryBuilder {
	return prometheus.NewDataqueryBuilder().Expr(expr).LegendFormat(legend).Range()
}

// instant asks for the newest value only.
func instant(expr, legend string) *prometheus.DataqueryBuilder {
	return prometheus.NewDataqueryBuilder().Expr(expr).LegendFormat(legend).Instant()
}

// rows asks for the newest values as a table: labels become columns.
func rows(expr string) *prometheus.DataqueryBuilder {
	return prometheus.NewDataqueryBuilder().Expr(expr).Instant().Format(prometheus.PromQueryFormatTable)
}

func lastValue() *common.ReduceDataOptionsBuilder {
	return common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"})
}

// steps colours values: base up to the first threshold, then each threshold's colour.
func steps(base string, thresholds ...dashboard.Threshold) *dashboard.ThresholdsConfigBuilder {
	return dashboard.NewThresholdsConfigBuilder().
		Mode(dashboard.ThresholdsModeAbsolute).
		Steps(append([]dashboard.Threshold{{Color: base}}, thresholds...))
}

func at(value float64, color string) dashboard.Threshold {
	return dashboard.Threshold{Value: &value, Color: color}
}

// states replaces 0 and 1 by words.
func states(zero, one dashboard.ValueMappingResult) []dashboard.ValueMapping {
	return []dashboard.ValueMapping{{ValueMap: &dashboard.ValueMap{
		Type:    dashboard.MappingTypeValueToText,
		Options: map[string]dashboard.ValueMappingResult{"0": zero, "1": one},
	}}}
}

func word(text, color string) dashboard.ValueMappingResult {
	return dashboard.ValueMappingResult{Text: &text, Color: &color}
}

// asLimit draws a series as a dashed line without a filling.
func asLimit() []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{
		{Id: "custom.lineStyle", Value: map[string]any{"fill": "dash", "dash": []int{10, 10}}},
		{Id: "custom.fillOpacity", Value: 0},
	}
}

func inColor(color string) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{{Id: "color", Value: map[string]any{"mode": "fixed", "fixedColor": color}}}
}

// sortedBy orders a listing by the column of that title.
func sortedBy(title string, descending bool) []cog.Builder[common.TableSortByFieldState] {
	return []cog.Builder[common.TableSortByFieldState]{
		common.NewTableSortByFieldStateBuilder().DisplayName(title).Desc(descending),
	}
}
