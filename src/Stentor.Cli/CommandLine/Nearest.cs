namespace Stentor.Cli.CommandLine;

/// <summary>Finds what someone probably meant.</summary>
internal static class Nearest
{
    /// <summary>The known word nearest to <paramref name="word"/>; null when none is near.</summary>
    /// <param name="word">What was written.</param>
    /// <param name="known">What could have been meant.</param>
    /// <param name="prefix">What all of them start with: that two words share it does not make them alike. Nor does case part them.</param>
    public static string? To(string word, IEnumerable<string> known, string prefix = "")
    {
        var written = Bare(word, prefix);
        return known
            .Select(candidate => (candidate, bare: Bare(candidate, prefix)))
            .Select(pair => (pair.candidate, distance: Distance(written, pair.bare), length: Math.Max(written.Length, pair.bare.Length)))
            .Where(pair => pair.distance <= DistanceMax(pair.length))
            .OrderBy(pair => pair.distance).ThenBy(pair => pair.candidate, StringComparer.Ordinal)
            .Select(pair => pair.candidate)
            .FirstOrDefault();
    }

    /// <summary><c>; did you mean 'X'?</c>, or where the known words stand when none is near.</summary>
    /// <param name="word">What was written.</param>
    /// <param name="known">What could have been meant.</param>
    /// <param name="whereKnown">A sentence that says where the known words stand; empty when what follows says it.</param>
    /// <param name="prefix">What all of them start with.</param>
    public static string Suggestion(string word, IEnumerable<string> known, string whereKnown = "", string prefix = "") => To(word, known, prefix) switch
    {
        { } nearest => $"; did you mean '{nearest}'?",
        null when whereKnown.Length > 0 => $". {whereKnown}",
        null => ".",
    };

    // A third of the letters wrong, or one: farther than that a suggestion is a guess, and 'tls' becomes 'tcp'.
    private static int DistanceMax(int length) => Math.Max(1, length / 3);

    private static string Bare(string word, string prefix) =>
        (word.StartsWith(prefix, StringComparison.Ordinal) ? word[prefix.Length..] : word).ToUpperInvariant();

    /// <summary>Letters to insert, delete, replace or swap with their neighbour (optimal string alignment).</summary>
    private static int Distance(string a, string b)
    {
        var rows = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
        {
            for (var j = 0; j <= b.Length; j++)
            {
                rows[i, j] = (i, j) switch
                {
                    (0, _) => j,
                    (_, 0) => i,
                    _ => Math.Min(Math.Min(rows[i - 1, j] + 1, rows[i, j - 1] + 1), rows[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)),
                };
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
                }
            }
        }

        return rows[a.Length, b.Length];
    }
}
