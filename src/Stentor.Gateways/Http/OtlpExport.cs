using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using Stentor.Node;

namespace Stentor.Gateways;

/// <summary>Exports the metrics over OTLP.</summary>
internal static class OtlpExport
{
    /// <summary>Starts to export.</summary>
    /// <param name="endpoint">Where to.</param>
    /// <param name="interval">Time between two exports.</param>
    /// <param name="node">Whose metrics they are.</param>
    /// <returns>What exports; a last time when it is disposed.</returns>
    public static IDisposable Start(Uri endpoint, TimeSpan interval, StentorNode node) =>
        Sdk.CreateMeterProviderBuilder()
            .ConfigureResource(resource => resource
                .AddService("stentor", serviceVersion: StatusAnswers.Version, serviceInstanceId: node.Name)
                .AddAttributes([new("stentor.region", node.Options.Region)]))
            .AddMeter("Stentor*", "System.Runtime")
            .AddOtlpExporter((exporter, reader) =>
            {
                exporter.Endpoint = endpoint;
                exporter.Protocol = endpoint.AbsolutePath.EndsWith("/v1/metrics", StringComparison.Ordinal) ? OtlpExportProtocol.HttpProtobuf : OtlpExportProtocol.Grpc;
                reader.PeriodicExportingMetricReaderOptions.ExportIntervalMilliseconds = (int)interval.TotalMilliseconds;
            })
            .Build();
}
