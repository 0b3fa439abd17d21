using System.Reflection;
using Stentor.Cli.Serving;
using Stentor.Gateways;
using Stentor.Protocol;

namespace Stentor.Cli.Tests.Serving;

public sealed class NumberOptionsTests
{
    [Theory]
    [InlineData(typeof(Limits))]
    [InlineData(typeof(RateLimits))]
    public void Every_limit_is_an_option_under_the_name_that_errors_give_it(Type limits)
    {
        var names = limits.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(property => property.PropertyType == typeof(int) || property.PropertyType == typeof(long))
            .Select(property => Kebab(property.Name));

        Assert.Subset(NumberOptions.All.Select(number => number.Name).ToHashSet(), names.ToHashSet());
    }

    [Fact]
    public void Each_option_changes_one_thing_and_its_default_changes_nothing()
    {
        var seen = new HashSet<string>();
        foreach (var number in NumberOptions.All)
        {
            var defaults = new ServerOptions();

            Assert.Equal(Text(defaults), Text(number.With(defaults, number.Default)));
            Assert.True(seen.Add(Text(number.With(defaults, number.Default + 1))), $"--{number.Name} changes the same as another option, or nothing.");
            Assert.InRange(number.Default, number.Least, number.Most);
        }
    }

    private static string Text(ServerOptions options) => options.ToString();

    private static string Kebab(string name) => string.Concat(name.Select((letter, at) => char.IsUpper(letter) && at > 0 ? $"-{char.ToLowerInvariant(letter)}" : $"{char.ToLowerInvariant(letter)}"));
}
