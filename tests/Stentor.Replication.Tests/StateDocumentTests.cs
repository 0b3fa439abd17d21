using System.Text.Json;
using Stentor.Testing;
using Xunit;

namespace Stentor.Replication.Tests;

/// <summary>What docs/state.md shows is what happens.</summary>
public sealed class StateDocumentTests
{
    [Fact]
    public void The_worked_example_of_the_state_document_holds()
    {
        var document = File.ReadAllText(Path.Combine(Repository.Root, "docs", "state.md"));
        var lines = document.Split("```example\n")[1].Split("```")[0].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var regions = new Dictionary<string, Region> { ["eu"] = new("eu-7f3a"), ["us"] = new("us-1c20") };
        Refusal? refusal = null;

        foreach (var line in lines)
        {
            var (name, verb, rest) = line.Split(' ', 3) is [var a, var b, var c] ? (a, b, c) : (line.Split(' ')[0], line.Split(' ')[1], "");
            var region = regions[name];
            switch (verb)
            {
                case "publishes":
                    regions["eu"].Wall += 1_000_000;
                    regions["us"].Wall += 1_000_000;
                    refusal = region.Publish(rest).Refusal;
                    break;
                case "receives":
                    region.ReceiveAll(regions[name == "eu" ? "us" : "eu"]);
                    break;
                case "shows":
                    Assert.Equal(rest, region.StateText());
                    break;
                case "has":
                    Assert.Equal(rest, $"version {region.State()!.Version}");
                    break;
                case "refuses":
                    Assert.Equal(rest, refusal?.Type);
                    break;
                case "conflicts":
                    var conflict = Assert.Single(JsonDocument.Parse(region.ConflictsText()).RootElement.EnumerateArray());
                    Assert.Equal(rest, $"{conflict.GetProperty("field").GetString()}: {Side(conflict.GetProperty("lost"))} gave way to {Side(conflict.GetProperty("winner"))}");
                    break;
                default:
                    Assert.Fail($"The example has a line that the test does not understand: {line}");
                    break;
            }
        }

        Assert.Equal(24, lines.Length);
    }

    private static string Side(JsonElement side) => $"{side.GetProperty("set").GetRawText()} of {side.GetProperty("origin").GetString()![..2]}";
}
