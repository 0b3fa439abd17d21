using System.Text.Json.Serialization;
using Stentor.Cli.Lab;
using Stentor.Cli.Lab.Readers;
using Stentor.Cli.Mending;
using Stentor.Cli.Olympics.Replay;
using Stentor.Cli.Serving;
using Stentor.Cli.Simulating;

namespace Stentor.Cli;

/// <summary>How the program's own JSON is written: made at build time, since reflection would cost a start a tenth of a second.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(System.Text.Json.JsonElement))]
[JsonSerializable(typeof(LogLine))]
[JsonSerializable(typeof(ListeningLine))]
[JsonSerializable(typeof(StreamerSecretLine))]
[JsonSerializable(typeof(WriterSecretLine))]
[JsonSerializable(typeof(DoctorJson))]
[JsonSerializable(typeof(SimulationJson))]
[JsonSerializable(typeof(MedalRow))]
[JsonSerializable(typeof(LatencyJson))]
[JsonSerializable(typeof(CrowdOrder))]
[JsonSerializable(typeof(CrowdLine))]
internal sealed partial class CommandJson : JsonSerializerContext;
