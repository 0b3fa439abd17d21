namespace Stentor.Cli.Lab;

/// <summary>How it is measured.</summary>
internal sealed record LatencyOptions
{
    /// <summary>Seconds of updates before those that count: connections are warm and everything is compiled then.</summary>
    public required int WarmUpSeconds { get; init; }

    /// <summary>Seconds of updates that count.</summary>
    public required int Seconds { get; init; }

    /// <summary>Updates a second.</summary>
    public required int WritesPerSecond { get; init; }

    /// <summary>Seconds from one poll of a client that pulls to its next.</summary>
    public required double PollSeconds { get; init; }

    /// <summary>How often a combination is measured at most, while the machine is busy with other things.</summary>
    public required int Tries { get; init; }

    /// <summary>How long updates are written.</summary>
    public TimeSpan Duration => TimeSpan.FromSeconds(WarmUpSeconds + Seconds);

    /// <summary>How many updates count.</summary>
    public int Writes => Seconds * WritesPerSecond;
}
