using System.Text.RegularExpressions;
using Stentor.Cli.Serving;
using Stentor.Testing;

namespace Stentor.Cli.Tests.Docs;

/// <summary>Errors name options that there are.</summary>
public sealed partial class LimitNameTests
{
    [Fact]
    public void Every_limit_that_an_error_names_is_an_option()
    {
        var options = NumberOptions.All.Select(number => number.Name).ToHashSet(StringComparer.Ordinal);

        foreach (var file in Directory.EnumerateFiles(Path.Combine(Repository.Root, "src"), "*.cs", SearchOption.AllDirectories))
        {
            foreach (Match match in NamedLimit().Matches(File.ReadAllText(file)))
            {
                Assert.True(options.Contains(match.Groups["limit"].Value), $"{Path.GetFileName(file)} names the limit {match.Groups["limit"].Value}, which is no option of serve.");
            }
        }
    }

    [GeneratedRegex(@"\(limit (?<limit>[a-z-]+)\)", RegexOptions.ExplicitCapture, 1_000)]
    private static partial Regex NamedLimit();
}
