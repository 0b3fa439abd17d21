using System.Text.Json;
using Stentor.Cli.Clients;
using Stentor.Client;

namespace Stentor.Cli.Demos.Causality;

/// <summary>Something that a region has shown to its readers.</summary>
/// <param name="Speaker">Who said it.</param>
/// <param name="Content">What was said.</param>
/// <param name="At">When the reader had it, since the beginning.</param>
/// <param name="Activity">As it came.</param>
internal sealed record Shown(string Speaker, string Content, TimeSpan At, ReceivedActivity Activity)
{
    /// <summary>The region that it comes from.</summary>
    public string Region => RegionNames.Of(Activity.Origin);

    /// <summary>For people, with where it comes from and its Lamport time.</summary>
    /// <param name="here">The region that shows it.</param>
    public string Line(string here) => $"{Speaker}: {Content} ({(Region == here ? "said here" : $"from {Region}")}, Lamport time {Activity.Lamport})";

    /// <summary>Reads a note; null when it is none.</summary>
    /// <param name="received">What came.</param>
    /// <param name="at">When.</param>
    public static Shown? Read(ReceivedActivity received, TimeSpan at) =>
        received.Json is { ValueKind: JsonValueKind.Object } activity
        && activity.TryGetProperty("actor", out var actor) && actor.ValueKind == JsonValueKind.String
        && activity.TryGetProperty("content", out var content) && content.ValueKind == JsonValueKind.String
            ? new Shown(EntryText.Printable(actor.GetString()!), EntryText.Printable(content.GetString()!), at, received) // They are strings.
            : null;
}
