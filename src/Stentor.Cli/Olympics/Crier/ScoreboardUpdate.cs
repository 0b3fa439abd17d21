using Stentor.Gateways;

namespace Stentor.Cli.Olympics.Crier;

/// <summary>An update of the scoreboard. A closed set.</summary>
internal abstract record ScoreboardUpdate
{
    private ScoreboardUpdate()
    {
    }

    /// <summary>The procedure that makes it.</summary>
    public abstract string Procedure { get; }

    /// <summary>What the procedure is called with, without the password.</summary>
    public abstract IReadOnlyList<string> Arguments { get; }

    /// <summary>Whether it may be made twice: an update whose answer was lost is then made again.</summary>
    public abstract bool IsRepeatable { get; }

    /// <summary>The call as a log tells it: without the password.</summary>
    public sealed override string ToString() => $"{Procedure}({string.Join(", ", Arguments.Select(argument => ShownValue.Json(new XmlRpcValue.Text(argument))))})";

    /// <summary>A team wins a medal.</summary>
    /// <param name="Team">The team.</param>
    /// <param name="Kind">gold, silver or bronze.</param>
    public sealed record Medal(string Team, string Kind) : ScoreboardUpdate
    {
        /// <inheritdoc/>
        public override string Procedure => "increment_medal_tally";

        /// <inheritdoc/>
        public override IReadOnlyList<string> Arguments => [Team, Kind];

        /// <inheritdoc/>
        public override bool IsRepeatable => false;
    }

    /// <summary>An event has another score.</summary>
    /// <param name="Event">The event.</param>
    /// <param name="Value">The score.</param>
    public sealed record Score(string Event, string Value) : ScoreboardUpdate
    {
        /// <inheritdoc/>
        public override string Procedure => "set_score";

        /// <inheritdoc/>
        public override IReadOnlyList<string> Arguments => [Event, Value];

        /// <inheritdoc/>
        public override bool IsRepeatable => true;
    }
}

/// <summary>An update and when it is due.</summary>
/// <param name="Due">Since the beginning.</param>
/// <param name="Update">The update.</param>
internal readonly record struct DueUpdate(TimeSpan Due, ScoreboardUpdate Update);
